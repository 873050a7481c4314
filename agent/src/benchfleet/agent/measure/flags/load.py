"""Other work on the device: what the model waited for a CPU, and what the host says of its load meanwhile.

A program on another CPU makes nobody wait and still takes cache, memory bandwidth, clock rate and, on a CPU of two
threads, half of a core: the CPU time of others counts too.
"""

from __future__ import annotations

from collections.abc import Iterator

from benchfleet.agent.measure.flags import Seen, degraded, invalid
from benchfleet.core.results import Reason

RUNQ_DEGRADED, RUNQ_INVALID = 0.02, 0.10
PRESSURE = 0.05
OTHER_CPUS = 0.05
TAIL_RATIO = 2.0


def find(seen: Seen) -> Iterator[Reason]:
    """background_load, noisy_tail, turn_not_taken."""
    runq = _waited(seen)
    yield from _load(seen, runq)
    p50, p99 = seen.number("latency_ms_p50"), seen.number("latency_ms_p99")
    if p50 and p99 and p99 / p50 > TAIL_RATIO and runq > RUNQ_DEGRADED:
        yield degraded(
            "noisy_tail",
            f"p99 is {p99 / p50:.1f} times p50 while the model waited for a CPU: how much of the tail is the model's "
            "own cannot be told; stop other work before judging it",
        )
    if seen.host.get("turn_taken") is False:
        yield degraded(
            "turn_not_taken",
            "the lock file of this host cannot be used: another agent may have measured at the same time; "
            "give all agents one writable folder for it (BENCHFLEET_HOST_LOCK)",
        )


def _waited(seen: Seen) -> float:
    """The share of time that the engine waited for a CPU; its worker threads count where it has some."""
    shares = [seen.number("runq_share")]
    if seen.evidence.threads > 1:
        shares.append(seen.number("runq_share_all_threads"))
    return max((share for share in shares if share is not None), default=0.0)


def _load(seen: Seen, runq: float) -> Iterator[Reason]:
    advice = "stop other work on the device and run again"
    before = seen.host.get("cpu_pressure_avg10", 0.0) / 100  # of the ten seconds before, where that is all there is
    pressure, others = seen.host.get("cpu_pressure_ratio", before), seen.host.get("other_cpus", 0.0)
    if runq > RUNQ_DEGRADED:
        detail = f"the model waited {runq:.1%} of the time for a CPU: {advice}"
        free = seen.number("contention_free_ms_p50")
        if free is not None:
            detail += f" (without the waiting the median is {free:.3g} ms)"
        if runq > RUNQ_INVALID:
            yield invalid("background_load", detail, touches=("running",))
        else:
            yield degraded("background_load", detail)
    elif pressure > PRESSURE:
        yield degraded(
            "background_load", f"tasks of this host waited for a CPU in {pressure:.0%} of the time: {advice}"
        )
    elif others > OTHER_CPUS:
        yield degraded("background_load", f"other processes used {others:.2f} CPUs meanwhile: {advice}")
