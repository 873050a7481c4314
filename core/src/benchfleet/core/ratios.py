"""The ratio of two latencies from the medians of their rounds, with an interval that covers what repeats would show.

Two models that ran side by side are compared round by round: d = ln(A/B) of each pair has lost what the host did to
both. A fresh process differs from the last by how memory fell, by 1 to 2 % between identical ones, and rounds of one
process resemble their neighbours. So what is independent is the launch, not the round:

    three launches or more   t-interval over the launch means of d (L - 1 degrees), never narrower than independent
                             rounds would give
    one or two launches      t-interval over rounds, their variance times the autocorrelation time, and what launches
                             are known to differ by is added

Not side by side (another attempt, another day), each model has an interval of its own, and what the host does between
one measurement and the next is added: the difference may be the host's.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean

from benchfleet.core.statistics import t_quantile_975

LAUNCHES_MIN = 3
"""From three on the spread of launches can be seen; of two, t has one degree and the interval says nothing."""

LAUNCH_SD = 0.01
"""Of ln(A/B) between launches, where too few were made to see it: two sessions of one model differ by 1 to 2 %."""

APART_SD = 0.025
"""Of ln(latency) between two measurements of one model on a quiet shared host: 2.5 % from campaign to campaign."""

PHI_MAX = 0.95
"""Of the correlation of neighbouring rounds; above, rounds are one slow drift and their number means nothing."""

Z_975 = 1.959963985


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundMedian:
    """The median call of one round; `start_ns` of the device's monotonic clock where it is known."""

    launch: int
    index: int
    median_ns: float
    start_ns: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """A over B with its 95 % interval (None: too few rounds), from `n` rounds (pairs, if paired) of `launches`."""

    ratio: float
    ci95: tuple[float, float] | None
    n: int
    launches: int
    paired: bool
    method: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Mean:
    """A mean of logs; `variance` is of the mean, with `degrees` behind it, and `allowed` is added knowledge."""

    value: float
    variance: float
    degrees: float
    allowed: float
    n: int
    launches: int


def paired(ours: Iterable[RoundMedian], theirs: Iterable[RoundMedian]) -> Effect | None:
    """Ours over theirs, by rounds with one launch and index; None when no round has a partner.

    Both must have been measured side by side: the caller knows, the numbers do not say.
    """
    partner = {(r.launch, r.index): r.median_ns for r in theirs if r.median_ns > 0}
    groups: dict[int, list[tuple[int, float]]] = {}
    for r in ours:
        if r.median_ns > 0 and (r.launch, r.index) in partner:
            logs = groups.setdefault(r.launch, [])
            logs.append((r.index, math.log(r.median_ns / partner[r.launch, r.index])))
    found = _mean(groups, LAUNCH_SD)
    if found is None:
        return None
    if found.launches >= LAUNCHES_MIN:
        method = f"{found.n} pairs of interleaved rounds; interval from the spread of {found.launches} launches"
    else:
        some = "one launch" if found.launches == 1 else "two launches"
        method = f"{found.n} pairs of interleaved rounds of {some}; what launches differ by is added"
    return Effect(
        ratio=math.exp(found.value),
        ci95=_interval(found.value, found.variance, found.degrees, found.allowed),
        n=found.n,
        launches=found.launches,
        paired=True,
        method=method,
    )


def apart(ours: Iterable[RoundMedian], theirs: Iterable[RoundMedian]) -> Effect | None:
    """Ours over theirs, measured at different times; None when one side has no round."""
    a, b = (_mean(_by_launch(side), LAUNCH_SD) for side in (ours, theirs))
    if a is None or b is None:
        return None
    variance = a.variance + b.variance
    degrees = 1.0
    if variance > 0 and a.degrees > 0 and b.degrees > 0:  # Welch and Satterthwaite
        degrees = variance**2 / (a.variance**2 / a.degrees + b.variance**2 / b.degrees)
    elif min(a.degrees, b.degrees) <= 0:
        degrees = 0.0
    allowed = math.sqrt(a.allowed**2 + b.allowed**2 + 2 * APART_SD**2)
    return Effect(
        ratio=math.exp(a.value - b.value),
        ci95=_interval(a.value - b.value, variance, degrees, allowed),
        n=min(a.n, b.n),
        launches=min(a.launches, b.launches),
        paired=False,
        method="measured apart: intervals of both, and what a host changes between two measurements",
    )


def apart_from_intervals(
    ratio: float, ours: tuple[float, float] | None, theirs: tuple[float, float] | None
) -> tuple[float, float] | None:
    """The interval of a ratio of two values that are known by their own intervals alone, measured apart."""
    if ours is None or theirs is None or min(*ours, *theirs) <= 0 or ratio <= 0:
        return None
    halves = [math.log(high / low) / 2 for low, high in (ours, theirs)]
    half = math.sqrt(halves[0] ** 2 + halves[1] ** 2 + 2 * (Z_975 * APART_SD) ** 2)
    return ratio * math.exp(-half), ratio * math.exp(half)


def _by_launch(rounds: Iterable[RoundMedian]) -> dict[int, list[tuple[int, float]]]:
    groups: dict[int, list[tuple[int, float]]] = {}
    for r in rounds:
        if r.median_ns > 0:
            groups.setdefault(r.launch, []).append((r.index, math.log(r.median_ns)))
    return groups


def _mean(indexed: dict[int, list[tuple[int, float]]], launch_sd: float) -> _Mean | None:
    groups = [[value for _, value in sorted(group)] for group in indexed.values() if group]
    if not groups:
        return None
    n, launches = sum(map(len, groups)), len(groups)
    means = [fmean(group) for group in groups]
    value = fmean(means)
    degrees = n - launches
    within = math.fsum((x - m) ** 2 for g, m in zip(groups, means, strict=True) for x in g) / max(1, degrees)
    if launches >= LAUNCHES_MIN:
        between = math.fsum((m - value) ** 2 for m in means) / (launches - 1) / launches
        narrowest = within / n * (t_quantile_975(degrees) / t_quantile_975(launches - 1)) ** 2 if degrees else 0.0
        return _Mean(
            value=value, variance=max(between, narrowest), degrees=launches - 1, allowed=0.0, n=n, launches=launches
        )
    tau = round_time(groups)
    allowed = launch_sd / math.sqrt(launches)
    left = max(1.0, n / tau - launches) if degrees else 0.0
    return _Mean(value=value, variance=tau * within / n, degrees=left, allowed=allowed, n=n, launches=launches)


def round_time(groups: Sequence[Sequence[float]]) -> float:
    """How many neighbouring rounds say as much as one: (1 + phi) / (1 - phi), phi corrected for short series.

    The correlation found in m values is too low by (1 + 4 phi) / m on average (Kendall 1954; Marriott and Pope 1954).
    """
    products = squares = 0.0
    for group in groups:
        centre = fmean(group)
        centred = [x - centre for x in group]
        squares += math.fsum(x * x for x in centred)
        products += math.fsum(map(float.__mul__, centred, centred[1:]))
    if squares == 0:
        return 1.0
    found, length = products / squares, sum(map(len, groups)) / len(groups)
    phi = (length * found + 1) / (length - 4) if length > 8 else max(0.0, found) + 1 / length
    phi = min(PHI_MAX, max(0.0, phi))
    return (1 + phi) / (1 - phi)


def _interval(value: float, variance: float, degrees: float, allowed: float) -> tuple[float, float] | None:
    if degrees <= 0:
        return None
    half = math.hypot(t_of(degrees) * math.sqrt(variance), Z_975 * allowed)
    return math.exp(value - half), math.exp(value + half)


def t_of(degrees: float) -> float:
    """Student's t, 97.5 %, of a number of degrees that need not be whole; at least one is taken."""
    low = max(1, math.floor(degrees))
    below, above = t_quantile_975(low), t_quantile_975(low + 1)
    return below + (above - below) * (max(1.0, degrees) - low)
