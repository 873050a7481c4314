"""Statistics of latency series, from raw nanoseconds: quantiles, floors of sample size, honest intervals.

Quantile: x[ceil(n*q)-1] of the sorted data. Interval of the median: from the spread of round medians, since successive
inferences are far from independent. Interval of a tail: order statistics of the pooled data, widened by the integrated
autocorrelation time of the indicator (Sokal's window). No resampling, standard library only.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist, median

SAMPLE_FLOORS = {0.5: 1, 0.9: 36, 0.95: 72, 0.99: 368, 0.999: 3688}
"""Below these a quantile has no finite two-sided 95 % bound, and none is printed."""

DIRECT_MAX = 10_000
"""Longest series whose lags are summed one by one: a second of a Raspberry Pi."""

BATCHES = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A number with its 95 % interval (None where none is defined) and the count behind it."""

    value: float
    ci95: tuple[float, float] | None
    n: int


def quantile(ordered: Sequence[float], q: float) -> float:
    """The q-quantile of sorted data; ValueError on none."""
    if not ordered:
        raise ValueError("a quantile needs at least one sample")
    return ordered[max(0, math.ceil(len(ordered) * q) - 1)]


def t_quantile_975(degrees: int) -> float:
    """Student's t, 97.5 %, by the Cornish-Fisher expansion (error below 0.5 % from 3 degrees on; 1 and 2 exact)."""
    if degrees < 1:
        raise ValueError("an interval needs at least two rounds")
    if degrees == 1:
        return 12.706204736
    if degrees == 2:
        return 4.30265273
    z = NormalDist().inv_cdf(0.975)
    v = float(degrees)
    g1 = (z**3 + z) / 4
    g2 = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    g3 = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    g4 = (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160
    return z + g1 / v + g2 / v**2 + g3 / v**3 + g4 / v**4


def interval_of_log_mean(values: Sequence[float]) -> tuple[float, float] | None:
    """exp(mean ± t*sd/sqrt(R)) of the logs of R positive values; None for fewer than two."""
    if len(values) < 2 or min(values) <= 0:
        return None
    logs = [math.log(v) for v in values]
    mean = math.fsum(logs) / len(logs)
    variance = math.fsum((x - mean) ** 2 for x in logs) / (len(logs) - 1)
    half = t_quantile_975(len(logs) - 1) * math.sqrt(variance / len(logs))
    return math.exp(mean - half), math.exp(mean + half)


def median_of_rounds(rounds: Sequence[Sequence[float]]) -> Estimate:
    """The pooled median with an interval from the spread of the rounds' medians."""
    pooled = sorted(x for r in rounds for x in r)
    medians = [float(median(r)) for r in rounds if len(r)]
    value = float(quantile(pooled, 0.5))
    interval = interval_of_log_mean(medians)
    if interval is not None:
        interval = (min(interval[0], value), max(interval[1], value))
    return Estimate(value=value, ci95=interval, n=len(pooled))


def tail(series: Sequence[float], q: float) -> Estimate | None:
    """The q-quantile of a series in order of time, with an autocorrelation-corrected interval; None below the floor."""
    n = len(series)
    if n < SAMPLE_FLOORS.get(q, math.ceil(3.688 / (1 - q))):
        return None
    ordered = sorted(series)
    value = float(quantile(ordered, q))
    tau = autocorrelation_time([1.0 if x <= value else 0.0 for x in series])
    half = NormalDist().inv_cdf(0.975) * math.sqrt(q * (1 - q) * n * tau)
    low, high = math.floor(n * q - half), math.ceil(n * q + half) + 1
    interval = (float(ordered[low - 1]), float(ordered[high - 1])) if low >= 1 and high <= n else None
    return Estimate(value=value, ci95=interval, n=n)


def autocorrelation_time(series: Sequence[float], *, lags_max: int = 1000) -> float:
    """Integrated autocorrelation time, at least 1; the window stops at five times itself."""
    n = len(series)
    mean = math.fsum(series) / n
    if n > DIRECT_MAX:
        return _time_by_batches(series, mean)
    centred = [x - mean for x in series]
    variance = math.fsum(x * x for x in centred) / n
    if variance == 0:
        return 1.0
    tau = 1.0
    for lag in range(1, min(n - 1, lags_max)):
        covariance = sum(map(float.__mul__, centred[lag:], centred[:-lag])) / n
        tau += 2 * covariance / variance
        if lag >= 5 * tau:
            break
    return max(1.0, tau)


def _time_by_batches(series: Sequence[float], mean: float) -> float:
    """The same time from the variance of batch means: linear in n, for series too long to correlate directly."""
    n = len(series)
    variance = math.fsum((x - mean) ** 2 for x in series) / n
    if variance == 0:
        return 1.0
    size = n // BATCHES
    means = [math.fsum(series[i * size : (i + 1) * size]) / size for i in range(BATCHES)]
    centre = math.fsum(means) / BATCHES
    between = math.fsum((m - centre) ** 2 for m in means) / (BATCHES - 1)
    return max(1.0, size * between / variance)


def relative_half_width(estimate: Estimate) -> float | None:
    """Half the interval over the value: what a stopping rule compares with its target."""
    if estimate.ci95 is None or estimate.value <= 0:
        return None
    return (estimate.ci95[1] - estimate.ci95[0]) / 2 / estimate.value


def quantile_curve(ordered: Sequence[float], points: int = 101) -> list[float]:
    """`points` quantiles from minimum to maximum: enough for a picture of the distribution."""
    return [float(quantile(ordered, i / (points - 1))) for i in range(points)]
