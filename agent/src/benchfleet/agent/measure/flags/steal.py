"""Time that a hypervisor gave to other guests: the guest's own clocks and counters do not show it elsewhere."""

from __future__ import annotations

from collections.abc import Iterator

from benchfleet.agent.measure.flags import Seen, degraded
from benchfleet.core.results import Reason

STEAL_RATIO = 0.01


def find(seen: Seen) -> Iterator[Reason]:
    """steal."""
    steal = seen.host.get("steal_ratio", 0.0)
    if steal > STEAL_RATIO:
        yield degraded("steal", f"the hypervisor took {steal:.1%} of CPU time: use a quieter host")
