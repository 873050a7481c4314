"""Statistics of latency series, from raw nanoseconds: quantiles, floors of sample size, honest intervals.

Quantile: x[ceil(n*q)-1] of the sorted data. Interval of the median: from how the share of calls up to it differs from
round to round, since successive inferences are far from independent. Interval of a tail: order statistics of the pooled
data, widened by the integrated autocorrelation time of the indicator x <= quantile (Sokal's window, corrected for the
bias of that estimate and widened by its standard error: Wolff, https://arxiv.org/abs/hep-lat/0306017). No resampling,
standard library only, O(n log n).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import NormalDist
from typing import TypeVar

_T = TypeVar("_T")

SAMPLE_FLOORS = {0.5: 1, 0.9: 36, 0.95: 72, 0.99: 368, 0.999: 3688}
"""Below these a quantile has no finite two-sided 95 % bound, and none is printed."""

MEDIAN_INTERVAL_MIN = 6
"""All of fewer samples lie on one side of the median with a chance of more than 5 %: no interval holds it in 95 %."""

LAGS_MAX = 5_000
"""Of the autocorrelation: a million calls then take seconds on a small board; a longer window is cut there."""

BLOCKS_MAX = 20
"""Rounds are judged in at most so many blocks of neighbours: what outlasts a round still shows as spread."""

Z_975 = NormalDist().inv_cdf(0.975)


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A number with its 95 % interval (None where none is defined) and the count behind it.

    `independent_n` is what the count is worth after autocorrelation; None where it was not looked at.
    """

    value: float
    ci95: tuple[float, float] | None
    n: int
    independent_n: float | None = None


def quantile(ordered: Sequence[float], q: float) -> float:
    """The q-quantile of sorted data; ValueError on none."""
    if not ordered:
        raise ValueError("a quantile needs at least one sample")
    return ordered[max(0, math.ceil(len(ordered) * q) - 1)]


def sample_floor(q: float) -> int:
    """The fewest samples that give the q-quantile a finite two-sided 95 % bound."""
    return SAMPLE_FLOORS.get(q) or math.ceil(math.log(0.025) / math.log(q))


def standard_deviation(series: Sequence[float]) -> float:
    """With n-1; 0 for a single sample."""
    mean = math.fsum(series) / len(series)
    return math.sqrt(math.fsum((x - mean) ** 2 for x in series) / max(1, len(series) - 1))


def median_absolute_deviation(series: Sequence[float]) -> float:
    """Median of |x - median|, unscaled: an outlier does not move it."""
    middle = quantile(sorted(series), 0.5)
    return quantile(sorted(abs(x - middle) for x in series), 0.5)


def t_quantile_975(degrees: int) -> float:
    """Student's t, 97.5 %, by the Cornish-Fisher expansion (error below 0.5 % from 3 degrees on; 1 and 2 exact)."""
    if degrees < 1:
        raise ValueError("an interval needs at least two rounds")
    if degrees == 1:
        return 12.706204736
    if degrees == 2:
        return 4.30265273
    z = Z_975
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
    return _interval_of_logs([math.log(v) for v in values])


def interval_of_rounds(values: Sequence[float]) -> tuple[float, float] | None:
    """The same from one value a round, in order of time: more than BLOCKS_MAX rounds are first joined into blocks."""
    if len(values) < 2 or min(values) <= 0:
        return None
    return _interval_of_logs([math.fsum(map(math.log, block)) / len(block) for block in _blocks(values)])


def _blocks(rounds: Sequence[_T]) -> list[Sequence[_T]]:
    """Neighbours joined, so that at most BLOCKS_MAX blocks of nearly equal length are left."""
    count = min(len(rounds), BLOCKS_MAX)
    return [rounds[a:b] for a, b in pairwise(len(rounds) * i // count for i in range(count + 1))]


def _interval_of_logs(logs: Sequence[float]) -> tuple[float, float]:
    mean = math.fsum(logs) / len(logs)
    variance = math.fsum((x - mean) ** 2 for x in logs) / (len(logs) - 1)
    half = t_quantile_975(len(logs) - 1) * math.sqrt(variance / len(logs))
    return math.exp(mean - half), math.exp(mean + half)


def median_of_rounds(rounds: Sequence[Sequence[float]]) -> Estimate:
    """The pooled median; its interval from the spread, between blocks of rounds, of the share of calls up to it.

    That share is a mean of rounds, so Student's t holds for it, and its bounds are read back from the sorted calls
    (Woodruff 1952, https://doi.org/10.1080/01621459.1952.10483443). Unlike an interval of the mean of round medians it
    is one of the pooled median, also where a host has a slow and a fast mode. None for one round, or too few calls.
    """
    pooled = sorted(x for r in rounds for x in r)
    n, value = len(pooled), quantile(pooled, 0.5)
    blocks = _blocks([r for r in rounds if len(r)])
    if len(blocks) < 2 or n < MEDIAN_INTERVAL_MIN:
        return Estimate(value=float(value), ci95=None, n=n)
    half = _half_count(blocks, value, 0.5)
    low, high = max(1, math.floor(n / 2 - half)), min(n, math.ceil(n / 2 + half) + 1)
    return Estimate(value=float(value), ci95=(float(pooled[low - 1]), float(pooled[high - 1])), n=n)


def _half_count(blocks: Sequence[Sequence[Sequence[float]]], value: float, q: float) -> float:
    """Half a 95 % interval of how many calls are up to `value`, from how blocks of rounds differ in it."""
    excess = [sum(x <= value for r in block for x in r) - q * sum(map(len, block)) for block in blocks]
    return t_quantile_975(len(blocks) - 1) * standard_deviation(excess) * math.sqrt(len(blocks))


def rate_of_rounds(counts: Sequence[int], spans_ns: Sequence[int]) -> Estimate:
    """Things per second over all rounds, with an interval from the spread of the rounds' rates."""
    value = sum(counts) / sum(spans_ns) * 1e9
    interval = interval_of_rounds([count / span * 1e9 for count, span in zip(counts, spans_ns, strict=True)])
    if interval is not None:
        interval = (min(interval[0], value), max(interval[1], value))
    return Estimate(value=value, ci95=interval, n=sum(counts))


def tail(series: Sequence[float], q: float) -> Estimate | None:
    """The q-quantile of a series in order of time, with an autocorrelation-corrected interval; None below the floor.

    Where the series is worth fewer independent samples than the floor, the upper bound is the largest sample, which is
    no 95 % bound any more: `independent_n` says so.
    """
    return tail_of_rounds([series], q)


def tail_of_rounds(rounds: Sequence[Sequence[float]], q: float) -> Estimate | None:
    """The same of rounds in order of time; where they differ by more than the calls' correlation says, that counts."""
    series = [x for r in rounds for x in r]
    n = len(series)
    if n < sample_floor(q):
        return None
    ordered = sorted(series)
    value = quantile(ordered, q)
    tau, tau_high = autocorrelation_time([x <= value for x in series])
    alone = Z_975 * math.sqrt(q * (1 - q) * n)
    half = alone * math.sqrt(tau_high)
    blocks = _blocks([r for r in rounds if len(r)])
    if len(blocks) > 1:
        between = _half_count(blocks, value, q)
        half, tau = max(half, between), max(tau, (between / alone) ** 2)
    low, high = max(1, math.floor(n * q - half)), min(n, math.ceil(n * q + half) + 1)
    interval = float(ordered[low - 1]), float(ordered[high - 1])
    return Estimate(value=float(value), ci95=interval, n=n, independent_n=n / tau)


def autocorrelation_time(indicator: Sequence[bool]) -> tuple[float, float]:
    """Integrated autocorrelation time of a yes/no series, at least 1; and the same with its own standard error added.

    1 + 2*sum of autocorrelations up to the first lag that is five times the sum. Yes and no are bits of one integer, so
    that a lag is a shift, an `and` and a count: exact, and a million samples with hundreds of lags take under a second.
    """
    n = len(indicator)
    ones = sum(indicator)
    mean = ones / n
    variance = mean * (1 - mean)
    if variance == 0:
        return 1.0, 1.0
    bits = int("".join("1" if yes else "0" for yes in indicator), 2)
    ends = ones + ones
    tau, lag = 1.0, 0
    for lag in range(1, min(n - 1, LAGS_MAX) + 1):
        ends -= indicator[n - lag] + indicator[lag - 1]
        together = (bits & (bits >> lag)).bit_count()
        tau += 2 * (together - mean * ends + (n - lag) * mean * mean) / (n * variance)
        if lag >= 5 * tau:
            break
    tau = max(1.0, tau * (1 + (2 * lag + 1) / n))
    return tau, tau * (1 + math.sqrt((4 * lag + 2) / n))


def relative_half_width(estimate: Estimate) -> float | None:
    """Half the interval over the value: what a stopping rule compares with its target."""
    if estimate.ci95 is None or estimate.value <= 0:
        return None
    return (estimate.ci95[1] - estimate.ci95[0]) / 2 / estimate.value


def quantile_curve(ordered: Sequence[float], points: int = 101) -> list[float]:
    """`points` quantiles from minimum to maximum: enough for a picture of the distribution."""
    return [float(quantile(ordered, i / (points - 1))) for i in range(points)]
