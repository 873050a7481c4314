"""How far the other numbers can be trusted: waiting for a CPU, and what the sampler itself took."""

from __future__ import annotations

from statistics import median

from benchfleet.core import statistics
from benchfleet.core.evidence import Evidence, Round
from benchfleet.core.metric import Metric
from benchfleet.core.results import Value, missing


def _runq(evidence: Evidence) -> Value:
    rounds = [r for r in evidence.model.rounds if r.runq_wait_ns is not None]
    wall_ns = sum(_at_work_ns(r) for r in rounds)
    if not wall_ns:
        return missing("run-queue wait was not told: a kernel without schedstat, or a scenario without it")
    waited_ns = sum(r.runq_wait_ns or 0 for r in rounds)
    return Value(
        value=waited_ns / wall_ns,
        n=len(rounds),
        method="run-queue wait / wall, in rounds (without pauses)",
        source="schedstat",
    )


def _at_work_ns(r: Round) -> int:
    """The length of a round; of load by a schedule, without the pauses: waiting hides in them."""
    service = r.extra.get("service_ns")
    if service is None:
        return r.end_ns - r.start_ns
    batches = r.extra.get("batch")
    busy = sum(service) if batches is None else sum(s // b for s, b in zip(service, batches, strict=True))
    return busy + (r.runq_wait_ns or 0)


def _runq_all(evidence: Evidence) -> Value:
    rounds = [r for r in evidence.model.rounds if r.tasks_wait_ns is not None]
    wall_ns = sum(r.end_ns - r.start_ns for r in rounds)
    if not wall_ns:
        return missing("run-queue wait of all threads was not told: a kernel without schedstat")
    waited_ns = sum(r.tasks_wait_ns or 0 for r in rounds)
    return Value(
        value=waited_ns / wall_ns,
        n=len(rounds),
        method="run-queue wait summed over threads / wall, in rounds; a diagnostic, never subtracted",
        source="schedstat",
    )


def _sampler(evidence: Evidence) -> Value:
    if evidence.sampler_cpu_ratio is None:
        return missing("no sampler ran")
    return Value(value=evidence.sampler_cpu_ratio, method="thread CPU time / wall", source="sampler")


def _late(evidence: Evidence) -> Value:
    if evidence.sampler_late_ratio is None:
        return missing("no sampler ran")
    return Value(value=evidence.sampler_late_ratio, method="samples over a period late / samples due", source="sampler")


def _overhead(evidence: Evidence) -> Value:
    found = [launch.facts.get("harness_overhead_us") for launch in evidence.model.launches]
    known = [float(us) for us in found if us is not None]
    if not known:
        return missing("this runtime brings no smallest model to measure it with")
    return Value(
        value=median(known),
        n=len(known),
        method="median call of a model of one operator; never subtracted",
        source="wall clock",
    )


def _launch_spread(evidence: Evidence) -> Value:
    medians = evidence.model.launch_medians_ns()
    if len(medians) < 2:
        return missing("one launch has no spread")
    return Value(
        value=(max(medians) - min(medians)) / median(medians),
        n=len(medians),
        method="(max - min) / median of launch medians",
    )


def _independent(evidence: Evidence) -> Value:
    series = [x for r in evidence.model.rounds for x in r.wall_ns]
    estimate = statistics.tail(series, 0.99)
    if estimate is None:
        return missing(f"{len(series)} samples; p99 needs {statistics.sample_floor(0.99)}")
    return Value(
        value=estimate.independent_n, n=len(series), method="n / autocorrelation time of x <= p99", source="wall clock"
    )


METRICS = (
    Metric(
        name="runq_share", unit="ratio", better="lower", help="share of time spent waiting for a CPU", how="schedstat",
        compute=_runq,
    ),
    Metric(
        name="runq_share_all_threads", unit="ratio", better="lower", help="the same, summed over the engine's threads",
        how="schedstat of every thread; above 1 where several wait at once", compute=_runq_all,
    ),
    Metric(
        name="sampler_cpu_ratio", unit="ratio", better="lower", help="CPU the sampler took", how="thread time",
        compute=_sampler,
    ),
    Metric(
        name="sampler_late_ratio", unit="ratio", better="lower", help="share of samples over a period late",
        how="samples over a period late / samples due", compute=_late,
    ),
    Metric(
        name="harness_overhead_us", unit="us", better="lower", help="what calling the runtime costs by itself",
        how="a model of one operator, same process and options", compute=_overhead,
    ),
    Metric(
        name="independent_calls_p99", unit="1", better="higher", help="independent calls that p99 is worth",
        how="calls / (1 + 2*sum of autocorrelations of x <= p99)", compute=_independent,
    ),
    Metric(
        name="launch_spread_ratio", unit="ratio", better="lower", help="how far fresh processes disagree",
        how="(max - min) / median of launch medians", compute=_launch_spread,
    ),
)  # fmt: skip
