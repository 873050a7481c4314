"""What load that arrives by a schedule tells: deadlines missed, how late we were ourselves, how busy the model was.

For the scenarios that note `scheduled_ns`; docs/scenarios.md says what one latency is in each of them.
"""

from __future__ import annotations

from collections.abc import Callable
from statistics import median

from benchfleet.core import statistics
from benchfleet.core.evidence import Evidence, Round
from benchfleet.core.metric import Metric
from benchfleet.core.results import Value, missing


def _having(evidence: Evidence, *names: str) -> list[Round]:
    return [r for r in evidence.model.rounds if r.wall_ns and all(name in r.extra for name in names)]


def _unscheduled(evidence: Evidence) -> Value:
    return missing(f"in {evidence.scenario} nothing arrives by a schedule")


def _pooled(rounds: list[Round], name: str) -> list[int]:
    return [x for r in rounds for x in r.extra[name]]


def _misses(evidence: Evidence) -> Value:
    fps, deadline_s = evidence.scenario_params.get("fps"), evidence.scenario_params.get("deadline_s")
    rounds = _having(evidence, "scheduled_ns")
    if fps is not None and deadline_s is None:
        deadline_s = 1 / fps
    if not rounds or deadline_s is None:
        return missing(f"{evidence.scenario} has no deadline")
    limit_ns = 1e9 * deadline_s
    missed = sum(wall > limit_ns for r in rounds for wall in r.wall_ns) + sum(r.unserved for r in rounds)
    frames = sum(len(r.wall_ns) + r.unserved for r in rounds)
    return Value(
        value=missed / frames,
        ci95=_wilson(missed, frames),
        n=frames,
        method=f"frames later than {limit_ns * 1e-6:g} ms after they were due / frames; Wilson interval",
        source="wall clock",
    )


def _wilson(hits: int, n: int) -> tuple[float, float]:
    """95 % interval of a share. https://www.itl.nist.gov/div898/handbook/prc/section2/prc241.htm"""
    z, p = 1.959964, hits / n
    middle, half = p + z * z / (2 * n), z * (p * (1 - p) / n + z * z / (4 * n * n)) ** 0.5
    low, high = (middle - half) / (1 + z * z / n), (middle + half) / (1 + z * z / n)
    return max(0.0, min(low, p)), min(1.0, max(high, p))


def _bound(evidence: Evidence) -> Value:
    bound_s = evidence.scenario_params.get("latency_bound_s")
    if bound_s is None:
        return missing("no latency_bound was set")
    series = [wall for r in _having(evidence, "scheduled_ns") for wall in r.wall_ns]
    estimate = statistics.tail(series, 0.99) if series else None
    if estimate is None:
        return missing(f"{len(series)} samples; p99 needs {statistics.SAMPLE_FLOORS[0.99]}")
    unserved = sum(r.unserved for r in evidence.model.rounds)
    return Value(
        value=float(estimate.value <= bound_s * 1e9 and not unserved),
        n=estimate.n,
        method=f"1 when p99 <= {bound_s * 1e3:g} ms and every query was served",
        source="wall clock",
    )


def _quantile(name: str, q: float, scale: float) -> Callable[[Evidence], Value]:
    def compute(evidence: Evidence) -> Value:
        rounds = _having(evidence, name)
        if not rounds:
            return _unscheduled(evidence)
        series = sorted(_pooled(rounds, name))
        if len(series) < statistics.SAMPLE_FLOORS[q]:
            return missing(f"{len(series)} samples; this percentile needs {statistics.SAMPLE_FLOORS[q]}")
        value = float(statistics.quantile(series, q)) * scale
        return Value(value=value, n=len(series), method="order statistic of the pooled series", source="wall clock")

    return compute


def _busy(evidence: Evidence) -> Value:
    """Work offered over time: from 1 on the queue grows for as long as anybody looks."""
    rounds = _having(evidence, "scheduled_ns", "service_ns")
    spans = sum(r.extra["scheduled_ns"][-1] for r in rounds)
    if not spans:
        return _unscheduled(evidence)
    work = 0.0
    for r in rounds:
        batches = r.extra.get("batch")
        each = r.extra["service_ns"]
        work += sum(each) if batches is None else sum(s / b for s, b in zip(each, batches, strict=True))
    return Value(value=work / spans, n=len(rounds), method="time in calls / time of the schedule", source="wall clock")


def _wake(evidence: Evidence) -> Value:
    rounds = _having(evidence, "service_ns", "back_to_back_ns")
    if not rounds:
        return missing(f"{evidence.scenario} does not sleep between calls and then make some back to back")
    ratios = []
    for r in rounds:
        after_sleep = _after_a_pause(r)
        if after_sleep:
            ratios.append(median(after_sleep) / median(r.extra["back_to_back_ns"]))
    if not ratios:
        return missing("no call came after a pause: the model was never done before the next was due")
    return Value(
        value=median(ratios),
        ci95=statistics.interval_of_log_mean(ratios),
        n=len(ratios),
        method="median over rounds of (median call after a pause / median call back to back)",
        source="wall clock",
    )


def _after_a_pause(r: Round) -> list[int]:
    """Calls that were begun when they were due: the model had been done with the last."""
    free, found = 0, []
    for due, wall, service in zip(r.extra["scheduled_ns"], r.wall_ns, r.extra["service_ns"], strict=False):
        if due > free:
            found.append(service)
        free = due + wall
    return found


def _gathered(evidence: Evidence) -> Value:
    rounds = _having(evidence, "batch")
    if not rounds:
        return missing(f"{evidence.scenario} does not gather requests")
    requests = sum(len(r.extra["batch"]) for r in rounds)
    calls = sum(1 / size for r in rounds for size in r.extra["batch"])
    return Value(value=requests / calls, n=requests, method="requests / calls", source="schedule")


def _queries(evidence: Evidence) -> Value:
    rounds = _having(evidence, "scheduled_ns")
    if not rounds:
        return _unscheduled(evidence)
    count = sum(len(r.wall_ns) + r.unserved for r in rounds)
    return Value(value=float(count), n=count, method="arrivals scheduled, served or not", source="schedule")


METRICS = (
    Metric(
        name="deadline_miss_ratio", unit="ratio", better="lower", help="share of frames that were not done in time",
        how="frames later than the deadline after they were due / frames", compute=_misses, high=1,
    ),
    Metric(
        name="latency_bound_met", unit="1", better="higher", help="1 when p99 kept within the bound that was set",
        how="p99 from the scheduled time against latency_bound", compute=_bound, high=1,
    ),
    Metric(
        name="dispatch_lag_us_p50", unit="us", better="lower", help="how late our own loop began a call",
        how="begin - the later of scheduled and free", compute=_quantile("lag_ns", 0.5, 1e-3),
    ),
    Metric(
        name="dispatch_lag_us_p99", unit="us", better="lower", help="how late our own loop began a call, at worst",
        how="begin - the later of scheduled and free", compute=_quantile("lag_ns", 0.99, 1e-3),
    ),
    Metric(
        name="service_ms_p50", unit="ms", better="lower", help="median call alone, without waiting for its turn",
        how="end - begin of each call", compute=_quantile("service_ns", 0.5, 1e-6),
    ),
    Metric(
        name="busy_ratio", unit="ratio", better="lower", help="share of the schedule that the model was at work",
        how="time in calls / time of the schedule", compute=_busy,
    ),
    Metric(
        name="idle_wake_ratio", unit="ratio", better="lower", help="a call after a pause over one back to back",
        how="medians of one round, median over rounds", compute=_wake,
    ),
    Metric(
        name="gathered_batch_mean", unit="1", better="neither", help="requests that went together",
        how="requests / calls", compute=_gathered,
    ),
    Metric(
        name="queries", unit="1", better="neither", help="arrivals that were scheduled", how="counted",
        compute=_queries,
    ),
)  # fmt: skip
