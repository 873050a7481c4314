"""Other work on the device: what the model waited for a CPU, and what the host says of its load."""

from __future__ import annotations

from collections.abc import Iterator

from benchfleet.agent.measure.flags import Seen, degraded, invalid
from benchfleet.core.results import Reason

RUNQ_DEGRADED, RUNQ_INVALID = 0.02, 0.10
PRESSURE_AVG10 = 5.0
TAIL_RATIO = 2.0


def find(seen: Seen) -> Iterator[Reason]:
    """background_load, noisy_tail, turn_not_taken."""
    runq = seen.number("runq_share")
    if runq is not None and runq > RUNQ_DEGRADED:
        detail = f"the model waited {runq:.1%} of the time for a CPU: stop other work on the device and run again"
        free = seen.number("contention_free_ms_p50")
        if free is not None:
            detail += f" (without the waiting the median is {free:.3g} ms)"
        yield (invalid if runq > RUNQ_INVALID else degraded)("background_load", detail)
    elif seen.host.get("cpu_pressure_avg10", 0.0) > PRESSURE_AVG10:
        yield degraded("background_load", f"CPU pressure was {seen.host['cpu_pressure_avg10']:.0f} % at the start")
    p50, p99 = seen.number("latency_ms_p50"), seen.number("latency_ms_p99")
    if p50 and p99 and p99 / p50 > TAIL_RATIO and (runq or 0.0) > RUNQ_DEGRADED:
        yield degraded("noisy_tail", "the tail is the scheduler's, not the model's: p99 is over twice p50 under load")
    if seen.host.get("turn_taken") is False:
        yield degraded(
            "turn_not_taken",
            "the lock file of this host cannot be used: another agent may have measured at the same time",
        )
