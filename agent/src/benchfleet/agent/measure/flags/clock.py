"""A clock that cannot be trusted for durations: coarse, changed meanwhile, or pushed by NTP.

Durations are CLOCK_MONOTONIC's. A step of the wall clock does not touch them, but it says that time was being mended;
a slew changes them by as much as it slews, and chrony may slew by 8 %.
"""

from __future__ import annotations

from collections.abc import Iterator

from benchfleet.agent.measure.flags import Seen, degraded
from benchfleet.core.results import Reason

GOOD_CLOCKS = ("tsc", "arch_sys_counter")
STEP_S = 0.1
SLEW_PPM = 1000.0
"""NTP's own daemon slews by 500 ppm at most; from a tenth of a percent on it is worth a word."""


def find(seen: Seen) -> Iterator[Reason]:
    """clock_suspect."""
    host = seen.host
    source, became = host.get("clocksource"), host.get("clocksource_became")
    step_s, slew_ppm = host.get("wall_clock_step_s", 0.0), host.get("clock_slew_ppm", 0.0)
    if source is not None and source not in GOOD_CLOCKS and not str(source).startswith("kvm"):
        yield degraded("clock_suspect", f"clocksource is {source}: durations may be coarse; use the CPU's counter")
    elif became is not None:
        yield degraded("clock_suspect", f"the kernel changed its clocksource from {source} to {became}: run again")
    elif abs(step_s) > STEP_S:
        yield degraded("clock_suspect", f"the time of day was set by {step_s:+.3f} s meanwhile: wait for NTP")
    elif abs(slew_ppm) > SLEW_PPM:
        yield degraded(
            "clock_suspect", f"NTP slewed the clock by {slew_ppm / 1e4:+.2f} %, and durations with it: run again later"
        )
