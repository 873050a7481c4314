"""Latency of one inference call, from raw wall nanoseconds; start-up times apart from it."""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import median

from benchfleet.core import ratios, statistics
from benchfleet.core.early_stopping import GRADES
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
    return _value(estimate, "pooled median; interval from the spread between rounds")


def _tail(q: float) -> Callable[[Evidence], Value]:
    def compute(evidence: Evidence) -> Value:
        rounds = [r.wall_ns for r in evidence.model.rounds]
        estimate, count = statistics.tail_of_rounds(rounds, q), sum(map(len, rounds))
        if estimate is None:
            floor = statistics.SAMPLE_FLOORS[q]
            return Value(value=None, n=count, reason=f"{count} samples; this percentile needs {floor}")
        grade = "LoadGen grade" if count >= GRADES[q] else f"below LoadGen grade ({GRADES[q]} calls)"
        return _value(estimate, f"order statistic, autocorrelation-corrected interval; {grade}")

    return compute


def _over(reduce: Callable[[list[int]], float], method: str) -> Callable[[Evidence], Value]:
    def compute(evidence: Evidence) -> Value:
        series = _pooled(evidence.model)
        if not series:
            return missing("no round was measured")
        return Value(value=reduce(series) * _MS, n=len(series), method=method, source="wall clock")

    return compute


def _variation(evidence: Evidence) -> Value:
    series = _pooled(evidence.model)
    if not series:
        return missing("no round was measured")
    ratio = statistics.standard_deviation(series) / (math.fsum(series) / len(series))
    return Value(value=ratio, n=len(series), method="sample standard deviation / mean", source="wall clock")


def _floor(evidence: Evidence) -> Value:
    medians = sorted(float(median(r.wall_ns)) for r in evidence.model.rounds if r.wall_ns)
    if not medians:
        return missing("no round was measured")
    return Value(
        value=statistics.quantile(medians, 0.1) * _MS,
        n=len(medians),
        method="10th percentile of round medians; informative only",
        source="wall clock",
    )


def _headline(evidence: Evidence) -> Value:
    medians = evidence.model.launch_medians_ns()
    if not medians:
        return missing("no round was measured")
    return Value(
        value=median(medians) * _MS,
        n=len(medians),
        method="median over launches of launch medians",
        source="wall clock",
    )


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
    Metric(
        name="latency_ms_p50", unit="ms", better="lower", help="median latency",
        how="x[ceil(n/2)-1] of the pooled series; interval from how the share of calls up to it differs between rounds",
        compute=_median,
    ),
    Metric(
        name="launches_ms_p50", unit="ms", better="lower", help="median latency; one odd launch moves it little",
        how="median over launches of launch medians", compute=_headline,
    ),
    Metric(
        name="floor_ms_p50", unit="ms", better="lower", help="median latency in the best rounds; informative only",
        how="10th percentile of round medians", compute=_floor,
    ),
    *(
        Metric(
            name=f"latency_ms_p{name}",
            unit="ms",
            better="lower",
            help=f"{q:.1%} of calls are at most this long",
            how=f"x[ceil({q}*n)-1] of the pooled series, null below {statistics.SAMPLE_FLOORS[q]} calls; interval "
            "x[nq-h], x[nq+h+1] with h = 1.96*sqrt(q(1-q)*n*tau), tau the autocorrelation time of x <= quantile; "
            "or h from the spread between rounds, where that is wider",
            compute=_tail(q),
            at_least=f"latency_ms_p{below}",
        )
        for below, name, q in (("50", "90", 0.9), ("90", "95", 0.95), ("95", "99", 0.99), ("99", "999", 0.999))
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
        compute=_over(statistics.standard_deviation, "sample standard deviation"),
    ),
    Metric(
        name="latency_ms_mad", unit="ms", better="lower", help="median absolute deviation of calls",
        how="median of |x - median|, unscaled",
        compute=_over(statistics.median_absolute_deviation, "median absolute deviation"),
    ),
    Metric(
        name="latency_cv_ratio", unit="ratio", better="lower", help="coefficient of variation of calls",
        how="standard deviation / mean", compute=_variation,
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
