"""Latency of one inference call, from raw wall nanoseconds; start-up times apart from it."""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import median

from benchfleet.core import ratios, statistics
from benchfleet.core.evidence import Evidence, Lane
from benchfleet.core.metric import Metric
from benchfleet.core.results import Value, missing

_MS = 1e-6


def _pooled(lane: Lane) -> list[int]:
    return [x for r in lane.rounds for x in r.wall_ns]


def _value(estimate: statistics.Estimate, method: str) -> Value:
    ci95 = None if estimate.ci95 is None else (estimate.ci95[0] * _MS, estimate.ci95[1] * _MS)
    return Value(value=estimate.value * _MS, ci95=ci95, n=estimate.n, method=method, source="wall clock")


def _median(evidence: Evidence) -> Value:
    if not evidence.model.rounds:
        return missing("no round was measured")
    estimate = statistics.median_of_rounds([r.wall_ns for r in evidence.model.rounds])
    return _value(estimate, "pooled median; interval from the spread of round medians")


def _tail(q: float) -> Callable[[Evidence], Value]:
    def compute(evidence: Evidence) -> Value:
        series = _pooled(evidence.model)
        estimate = statistics.tail(series, q)
        if estimate is None:
            floor = statistics.SAMPLE_FLOORS[q]
            return Value(value=None, n=len(series), reason=f"{len(series)} samples; this percentile needs {floor}")
        return _value(estimate, "order statistic, autocorrelation-corrected interval")

    return compute


def _over(reduce: Callable[[list[int]], float], method: str) -> Callable[[Evidence], Value]:
    def compute(evidence: Evidence) -> Value:
        series = _pooled(evidence.model)
        if not series:
            return missing("no round was measured")
        return Value(value=reduce(series) * _MS, n=len(series), method=method, source="wall clock")

    return compute


def _std(series: list[int]) -> float:
    mean = math.fsum(series) / len(series)
    return math.sqrt(math.fsum((x - mean) ** 2 for x in series) / max(1, len(series) - 1))


def _launches(pick: str, method: str) -> Callable[[Evidence], Value]:
    def compute(evidence: Evidence) -> Value:
        values = [getattr(launch, pick) for launch in evidence.model.launches]
        if not values:
            return missing("no launch was completed")
        return Value(value=median(values) * _MS, n=len(values), method=method, source="wall clock")

    return compute


def ratio_to_baseline(evidence: Evidence) -> Value:
    """Model over baseline, paired by round: both ran side by side in the same seconds."""
    if evidence.baseline is None:
        return missing("the campaign has no baseline for this cell")
    effect = ratios.paired(_round_medians(evidence.model), _round_medians(evidence.baseline))
    if effect is None:
        return missing("no round of the baseline was measured beside the model's")
    return Value(value=effect.ratio, ci95=effect.ci95, n=effect.n, method=effect.method, source="wall clock")


def _round_medians(lane: Lane) -> list[ratios.RoundMedian]:
    return [
        ratios.RoundMedian(launch=r.launch, index=r.index, median_ns=float(median(r.wall_ns)), start_ns=r.start_ns)
        for r in lane.rounds
        if r.wall_ns
    ]


METRICS = (
    Metric(name="latency_ms_p50", unit="ms", better="lower", help="median latency", how="C4", compute=_median),
    *(
        Metric(
            name=f"latency_ms_p{name}",
            unit="ms",
            better="lower",
            help=f"{q:.1%} of calls are at most this long",
            how="order statistic of the pooled series; null below its sample floor",
            compute=_tail(q),
        )
        for name, q in (("90", 0.9), ("95", 0.95), ("99", 0.99), ("999", 0.999))
    ),
    Metric(
        name="latency_ms_mean", unit="ms", better="lower", help="mean latency", how="sum / n",
        compute=_over(lambda s: math.fsum(s) / len(s), "arithmetic mean"),
    ),
    Metric(
        name="latency_ms_min", unit="ms", better="lower", help="shortest call", how="minimum",
        compute=_over(min, "minimum"),
    ),
    Metric(
        name="latency_ms_max", unit="ms", better="lower", help="longest call", how="maximum",
        compute=_over(max, "maximum"),
    ),
    Metric(
        name="latency_ms_std", unit="ms", better="lower", help="standard deviation of calls", how="n-1",
        compute=_over(_std, "sample standard deviation"),
    ),
    Metric(
        name="load_ms", unit="ms", better="lower", help="session creation", how="median over launches",
        compute=_launches("load_ns", "median over launches"),
    ),
    Metric(
        name="first_inference_ms", unit="ms", better="lower", help="the first call after loading",
        how="median over launches", compute=_launches("first_inference_ns", "median over launches"),
    ),
    Metric(
        name="latency_ratio_to_baseline", unit="ratio", better="lower", help="latency over the baseline's",
        how="paired by interleaved rounds", compute=ratio_to_baseline,
    ),
)  # fmt: skip
