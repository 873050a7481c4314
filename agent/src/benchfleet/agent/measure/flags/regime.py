"""A host that is slower or faster than it used to be: told by the reference work, whatever the model does.

Other guests on the same hardware, a lower clock and a neighbour in the cache show in no counter of this host.
"""

from __future__ import annotations

from collections.abc import Iterator

from benchfleet.agent.measure.flags import Seen, degraded
from benchfleet.core.results import Reason

REFERENCE_OFF = 0.05


def find(seen: Seen) -> Iterator[Reason]:
    """slow_regime."""
    ratio = seen.number("reference_ratio")
    if ratio is not None and abs(ratio - 1) > REFERENCE_OFF:
        way = "slower" if ratio > 1 else "faster"
        yield degraded(
            "slow_regime",
            f"the reference work ran {abs(ratio - 1):.0%} {way} than usual on this device: compare by ratio to the "
            "baseline, or run again when it is back to its speed",
        )
