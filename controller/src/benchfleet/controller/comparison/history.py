"""Past results of one cell on one device: what is usual there, and whether the newest is worse than that.

Results are judged in order of time. The first few teach what is usual (centre: median; spread: pooled standard
deviation of logs); from then on a result outside the 95 % prediction interval of its predecessors, and off by more than
the smallest effect that counts, is

    host_slow   when the reference work of the same block was off by as much: the host, not the model
    suspected   the first time
    confirmed   when the next campaign that can tell says the same

Two better ones in a row make a new level, so that losing an improvement is a regression. A worse level is never taken
for usual: it stays confirmed until the cell is back, or until the user starts the history later (`--since`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import fmean, median, stdev
from typing import Literal

from benchfleet.core.ratios import Z_975, t_of

LEARNED_MIN = 5
"""Earlier campaigns before anything is said: four degrees of freedom, t = 2.8; with fewer the band is a guess."""

MEDIAN_VARIANCE = math.pi / 2
"""Of a median over that of a mean (normal data): the price of one odd campaign not moving the centre."""

TREND_MIN = 6
"""Fewer points have no slope with a 95 % interval."""

Mark = Literal["learning", "usual", "worse", "better", "host_slow", "host_fast", "left out"]
Verdict = Literal["none", "suspected", "confirmed", "host_slow", "no_evidence"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One result. `value` is positive; `half` is of its own 95 % interval of ln; `reference` of the reference work."""

    value: float
    half: float = 0.0
    reference: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What was said of one sample when it came: `usual` and `band` are those of its predecessors."""

    mark: Mark
    usual: float | None = None
    band: tuple[float, float] | None = None
    host_factor: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """Of a whole history; `in_a_row` counts the campaigns at its end that were worse."""

    verdict: Verdict
    each: tuple[Judged, ...]
    in_a_row: int


@dataclass(slots=True)
class _Learned:
    """Levels of logs, newest last, with the logs of the reference work of each."""

    levels: list[list[float]] = field(default_factory=lambda: [[]])
    references: list[float] = field(default_factory=list)

    @property
    def degrees(self) -> int:
        return sum(map(len, self.levels)) - len(self.levels)

    def spread(self) -> float:
        """Pooled standard deviation about the mean of each level."""
        squares = math.fsum((x - fmean(level)) ** 2 for level in self.levels for x in level)
        return math.sqrt(squares / max(1, self.degrees))

    def half(self, own_half: float, smallest: float) -> float:
        """How far from the centre the next value may lie."""
        sd = max(self.spread(), own_half / Z_975)
        return max(_ahead(sd, self.degrees, len(self.levels[-1])), math.log1p(smallest))

    def host(self, reference: float | None) -> tuple[float, float] | None:
        """How far the reference work is off, and how far it may be; None where it is not known."""
        known = self.references
        if reference is None or reference <= 0 or len(known) < LEARNED_MIN:
            return None
        shift = math.log(reference) - median(known)
        return shift, _ahead(stdev(known), len(known) - 1, len(known))


def _ahead(sd: float, degrees: int, count: int) -> float:
    """Half the 95 % prediction interval about a median of `count` values."""
    shape = MEDIAN_VARIANCE if count > 2 else 1.0
    return t_of(degrees) * sd * math.sqrt(1 + shape / count)


def judge(samples: Sequence[Sample], *, lower_is_better: bool = True, smallest: float = 0.02) -> Judgement:
    """Samples in order of time, each from another campaign under like conditions."""
    learned, each = _Learned(), list[Judged]()
    row: list[float] = []
    for sample in samples:
        x = math.log(sample.value)
        if learned.degrees < LEARNED_MIN - 1:
            _learn(learned, x, sample)
            each.append(Judged(mark="learning"))
            continue
        judged, shift = _judged(learned, x, sample, lower_is_better, smallest)
        each.append(judged)
        if judged.mark == "usual":
            _forgive(learned, row, judged)
            _learn(learned, x, sample)
            row = []
        elif judged.mark in ("worse", "better"):
            if row and (row[-1] - median(learned.levels[-1])) * shift < 0:
                _forgive(learned, row, judged)
                row = []
            row = [*row, x]
            if judged.mark == "better" and len(row) > 1:
                learned.levels.append(row)
                row = []
    worse = len(row) if each and each[-1].mark in ("worse", "host_slow") and _is_worse(each) else 0
    return Judgement(verdict=_verdict(each, worse), each=tuple(each), in_a_row=worse)


def _is_worse(each: Sequence[Judged]) -> bool:
    """Whether the last sample that could tell was worse."""
    return next((j.mark == "worse" for j in reversed(each) if not j.mark.startswith("host_")), False)


def _learn(learned: _Learned, x: float, sample: Sample) -> None:
    learned.levels[-1].append(x)
    if sample.reference is not None and sample.reference > 0:
        learned.references.append(math.log(sample.reference))


def _forgive(learned: _Learned, row: Sequence[float], judged: Judged) -> None:
    """What was not confirmed is part of what is usual: else the spread would be of the tame ones alone.

    It counts as lying on the edge of the band, so that one wild campaign does not blind the next checks.
    """
    if judged.band is not None:
        low, high = (math.log(edge) for edge in judged.band)
        learned.levels[-1].extend(min(high, max(low, x)) for x in row)


def _judged(
    learned: _Learned, x: float, sample: Sample, lower_is_better: bool, smallest: float
) -> tuple[Judged, float]:
    centre, half = median(learned.levels[-1]), learned.half(sample.half, smallest)
    shift, host = x - centre, learned.host(sample.reference)
    bad = (shift > 0) == lower_is_better
    mark: Mark
    if abs(shift) <= half:
        mark = "usual"
    elif host is not None and _explains(host, shift if lower_is_better else -shift, half):
        mark = "host_slow" if bad else "host_fast"
    else:
        mark = "worse" if bad else "better"
    judged = Judged(
        mark=mark,
        usual=math.exp(centre),
        band=(math.exp(centre - half), math.exp(centre + half)),
        host_factor=None if host is None else math.exp(host[0]),
    )
    return judged, shift


def _explains(host: tuple[float, float], slowdown: float, half: float) -> bool:
    """Whether the reference work is unusual itself, and off by what the model is off, within the noise of both."""
    off, may = host
    return abs(off) > may and abs(slowdown - off) <= math.hypot(half, may)


def _verdict(each: Sequence[Judged], worse: int) -> Verdict:
    if not each or each[-1].mark == "learning":
        return "no_evidence"
    if each[-1].mark == "host_slow":
        return "host_slow"
    if each[-1].mark == "worse":
        return "confirmed" if worse > 1 else "suspected"
    return "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """Change per campaign as a ratio minus 1, with its 95 % interval."""

    per_campaign: float
    ci95: tuple[float, float]

    @property
    def clear(self) -> bool:
        """Whether the interval excludes no change."""
        return not self.ci95[0] <= 0.0 <= self.ci95[1]


def trend(values: Sequence[float]) -> Trend | None:
    """The median slope of all pairs (Theil 1950, Sen 1968) of logs over their order; None for too few."""
    n = len(values)
    if n < TREND_MIN:
        return None
    logs = [math.log(v) for v in values]
    slopes = sorted((logs[j] - logs[i]) / (j - i) for i in range(n) for j in range(i + 1, n))
    spread = Z_975 * math.sqrt(n * (n - 1) * (2 * n + 5) / 18)
    low = max(0, math.floor((len(slopes) - spread) / 2))
    high = min(len(slopes) - 1, math.ceil((len(slopes) + spread) / 2))
    return Trend(per_campaign=math.expm1(median(slopes)), ci95=(math.expm1(slopes[low]), math.expm1(slopes[high])))
