"""A clock that cannot be trusted for durations."""

from __future__ import annotations

from collections.abc import Iterator

from benchfleet.agent.measure.flags import Seen, degraded
from benchfleet.core.results import Reason

GOOD_CLOCKS = ("tsc", "arch_sys_counter")


def find(seen: Seen) -> Iterator[Reason]:
    """clock_suspect."""
    clock = seen.host.get("clocksource")
    if clock is not None and clock not in GOOD_CLOCKS and not str(clock).startswith("kvm"):
        yield degraded("clock_suspect", f"clocksource is {clock}: durations may be coarse")
