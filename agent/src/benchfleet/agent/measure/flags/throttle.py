"""A device that lowered its clocks, or says that it throttled, or became slower under lasting load."""

from __future__ import annotations

from collections.abc import Iterator

from benchfleet.agent.measure.flags import Seen, degraded
from benchfleet.core.results import Reason

CLOCK_RATIO = 0.95
GRANTED_RATIO = 0.9
"""Of the clock asked for: what runs is read within some percent, and steps of clocks are of 5."""
SLOWER_RATIO = 1.05


def find(seen: Seen) -> Iterator[Reason]:
    """throttled."""
    seen_of_it = []
    events, share = seen.number("throttle_events"), seen.number("throttled_ratio")
    clock, lasting = seen.number("clock_ratio"), seen.number("sustained_over_burst_ratio")
    if events:
        seen_of_it.append(f"its counter of throttling rose by {events:.0f}")
    if share:
        seen_of_it.append(f"it said that it throttles in {share:.0%} of the time")
    if clock is not None and clock < CLOCK_RATIO:
        seen_of_it.append(f"its clock fell to {clock:.0%} of what it had before")
    granted = seen.number("clock_granted_ratio")
    if granted is not None and granted < GRANTED_RATIO:
        seen_of_it.append(f"it ran at {granted:.0%} of the clock that it was asked for")
    if lasting is not None and lasting > SLOWER_RATIO:
        seen_of_it.append(f"calls became {lasting - 1:.0%} slower under lasting load")
    if seen_of_it:
        yield degraded(
            "throttled",
            f"the device throttled: {', '.join(seen_of_it)}; cool it, or raise its power mode or the CPU limit of "
            "its container, or take this as its sustained speed",
        )
