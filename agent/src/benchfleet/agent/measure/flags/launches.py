"""What one process cannot tell: whether a fresh one would say the same, and whether it had warmed up."""

from __future__ import annotations

from collections.abc import Iterator

from benchfleet.agent.measure.flags import Seen, degraded
from benchfleet.core.results import Reason

LAUNCH_SPREAD = 0.05


def find(seen: Seen) -> Iterator[Reason]:
    """warmup_not_converged, single_launch, launch_spread."""
    if any(not launch.warmup_converged for launch in seen.evidence.model.launches):
        yield degraded("warmup_not_converged", "latency was still moving when warm-up was cut: use a longer profile")
    if seen.profile.launches == 1:
        yield degraded("single_launch", "one process launch: 1 in 10 is off by over 5 %; use the standard profile")
        return
    if seen.evidence.model.launch_is_sample:
        return
    spread = seen.number("launch_spread_ratio")
    if spread is not None and spread > LAUNCH_SPREAD:
        yield degraded("launch_spread", f"launches differ by {spread:.1%}: more launches (profile gate) average it")
