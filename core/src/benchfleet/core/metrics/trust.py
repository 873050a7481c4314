"""How far the other numbers can be trusted: waiting for a CPU, and what the sampler itself took."""

from __future__ import annotations

from benchfleet.core.evidence import Evidence
from benchfleet.core.metric import Metric
from benchfleet.core.results import Value, missing


def _runq(evidence: Evidence) -> Value:
    rounds = [r for r in evidence.model.rounds if r.runq_wait_ns is not None]
    wall_ns = sum(r.end_ns - r.start_ns for r in rounds)
    if not wall_ns:
        return missing("the kernel does not tell run-queue wait (schedstat)")
    waited_ns = sum(r.runq_wait_ns or 0 for r in rounds)
    return Value(
        value=waited_ns / wall_ns, n=len(rounds), method="run-queue wait / wall, in rounds", source="schedstat"
    )


def _sampler(evidence: Evidence) -> Value:
    if evidence.sampler_cpu_ratio is None:
        return missing("no sampler ran")
    return Value(value=evidence.sampler_cpu_ratio, method="thread CPU time / wall", source="sampler")


METRICS = (
    Metric(
        name="runq_share", unit="ratio", better="lower", help="share of time spent waiting for a CPU", how="schedstat",
        compute=_runq,
    ),
    Metric(
        name="sampler_cpu_ratio", unit="ratio", better="lower", help="CPU the sampler took", how="thread time",
        compute=_sampler,
    ),
)  # fmt: skip
