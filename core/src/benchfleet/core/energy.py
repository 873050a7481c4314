"""Energy of the measured rounds from the readings of one sensor, with what it covers and how far it can be off.

A counter of energy is a difference of two readings. Power is a trapezoid between readings on their own monotonic
stamps, with the ends interpolated: the sampler reads at jittered times, since a fixed rate never sees a load whose
period divides it (10 Hz and a model paced at 10 FPS: 72 % off, for ever).

Where rounds of other models lie between those of this one, what is read across an edge belongs to both; then only what
was read inside the rounds counts, and its mean stands for their whole time.

Interval: sqrt(accuracy^2 + (1.96 sd / sqrt(n_eff) / mean)^2), the sensor's own limit of error and the chance of when it
was read; n_eff is the count of readings over their autocorrelation time. A sensor without a stated accuracy has none.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from operator import mul
from statistics import median

from benchfleet.core.evidence import Round
from benchfleet.core.samples import SensorSeries

SCOPES = ("wall", "system", "board", "module", "component")
"""From the widest to the narrowest that may stand for a device; a rail may not, and scopes are never summed."""

UPDATES_MIN, SPAN_S_MIN = 50, 10.0
"""Below, a sensor that averages over a second answers for the time before the measurement."""

SPAN_S_REPORT = 60.0
"""Of a figure to be quoted: jittered sampling at 10 Hz then has an rms error of 3 % even of a load that pulses."""

COVERAGE_MIN = 0.95
STALE_PERIODS = 2
"""A reading stands for so many periods; then nobody knows."""

IDLE_READINGS_MIN = 20
PERIOD_S = 0.1
"""Between readings, of a series that does not say."""

GAP_NS = 50_000_000
"""Between two rounds that are one window: answering and starting takes milliseconds, another model's round more."""

STEPS_MIN = 20
"""Of the sensor's resolution, in what is claimed: half a step is then 2.5 % of it."""

STRADDLE_MAX = 0.1
"""Share of the time between a reading inside and one outside; above, only the inside counts."""

LAGS_MAX = 100
"""Ten seconds: a load that changes more slowly is not one load."""

WATTS_MAX = 1e6
"""A counter that says more went back, or was reset."""

WRAP_WATTS_MAX, WRAP_SHORTEST_S = 5e3, 0.1
"""Counters that begin again are of chips, and finer than a joule: one that would have gained more was reset. With the
bound above, one of 65 kJ that was set to 0 would pass for 45 kJ in a tenth of a second."""

Span = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Energy:
    """Of one sensor over some windows. `half_width` is the relative half of a 95 % interval; None where not known."""

    energy_j: float
    span_s: float
    peak_w: float
    updates: int
    coverage: float
    half_width: float | None
    method: str
    series: SensorSeries

    @property
    def mean_w(self) -> float:
        """Over the windows."""
        return self.energy_j / self.span_s

    @property
    def source(self) -> str:
        """counter, sensor or estimated; a fake says that it is one."""
        kind = "estimated" if self.series.estimated else "counter" if self.series.kind == "energy_j" else "sensor"
        return f"simulated {kind}" if self.series.simulated else kind


def windows(rounds: Sequence[Round]) -> list[Span]:
    """The time of the rounds; those that follow each other with nothing between are one window."""
    found: list[Span] = []
    for start_ns, end_ns in sorted((r.start_ns, r.end_ns) for r in rounds if r.end_ns > r.start_ns):
        if found and start_ns - found[-1][1] <= GAP_NS:
            found[-1] = (found[-1][0], max(end_ns, found[-1][1]))
        else:
            found.append((start_ns, end_ns))
    return found


def candidates(telemetry: Sequence[SensorSeries]) -> list[SensorSeries] | str:
    """Sensors that may stand for the device, best first, or why none may.

    The widest scope that says anything; within it the lowest rank, and a counter before a sensor of power. What was
    lost all the time stands back for a narrower scope, which each value names. Components that unlike mechanisms
    measure, a CPU and a GPU, are parts: none of them is the device.
    """
    usable = [s for s in telemetry if s.kind in ("power_w", "energy_j") and s.scope in SCOPES]
    if not usable:
        return "no power sensor of the device, module or board"
    measured = [s for s in usable if not s.estimated] or usable
    speaking = [s for s in measured if any(v is not None for v in s.values)] or measured
    scope = min((s.scope for s in speaking), key=SCOPES.index)
    found, crowded = [], ""
    mechanisms = sorted({s.sensor.partition("/")[0] for s in speaking if s.scope == scope == SCOPES[-1]})
    if len(mechanisms) > 1:
        return f"{' and '.join(mechanisms)} measure a part of the device each, and nothing measures all of it"
    for kind, name in (("energy_j", "energy counters"), ("power_w", "power sensors")):
        of_kind = [s for s in speaking if s.scope == scope and s.kind == kind]
        best = [s for s in of_kind if s.rank == min(other.rank for other in of_kind)]
        if len(best) == 1:
            found += sorted((s for s in of_kind if not _summed(s, best[0])), key=lambda s: s.rank)
        elif best:
            crowded = f"{len(best)} {name} have the scope {scope}; they are not summed"
    return sorted(found, key=lambda s: s.rank) or crowded


def _summed(one: SensorSeries, best: SensorSeries) -> bool:
    """Whether a sensor is a part of the best one's sum: where that says nothing, its part says nothing of the whole."""
    mechanism, _, rest = one.sensor.partition("/")
    names = best.formula.removeprefix("sum(").removesuffix(")").split(",") if best.formula.startswith("sum(") else []
    return mechanism == best.sensor.partition("/")[0] and rest.rpartition("/")[0] in names


def over(telemetry: Sequence[SensorSeries], spans: Sequence[Span]) -> Energy | str:
    """Energy of the windows by the best sensor that can tell it, or why the best one cannot."""
    found = candidates(telemetry)
    if isinstance(found, str):
        return found
    if not spans:
        return "no round was measured"
    reasons = []
    for series in found:
        energy = measure(series, spans)
        if isinstance(energy, Energy):
            return energy
        reasons.append(energy)
    return reasons[0]


def crosschecks(telemetry: Sequence[SensorSeries], spans: Sequence[Span]) -> dict[str, float]:
    """Of each other sensor of the same thing: its energy over that of the best one."""
    found, best = candidates(telemetry), over(telemetry, spans)
    if isinstance(found, str) or isinstance(best, str):
        return {}
    others = {s.sensor: measure(s, spans) for s in found if s is not best.series and _of_one(s, best.series)}
    return {name: e.energy_j / best.energy_j for name, e in others.items() if isinstance(e, Energy)}


def _of_one(one: SensorSeries, other: SensorSeries) -> bool:
    """Whether two sensors are of the same thing: ids differ in their last part alone."""
    return one.sensor.rpartition("/")[0] == other.sensor.rpartition("/")[0]


def idle_w(series: SensorSeries, span: Span | None, busy: Span) -> tuple[float, float, int] | str:
    """Mean power of an idle span by the same sensor, its standard error and values, or why there is none.

    `busy` is from the first round to the end of the last.
    """
    if span is None:
        return "idle power was not sampled before the rounds"
    if span[0] < busy[1] and busy[0] < span[1]:
        return "the idle span lies within the rounds"
    if (span[1] - span[0]) * 1e-9 < SPAN_S_MIN:
        return f"idle power was sampled for {(span[1] - span[0]) * 1e-9:.1f} s; {SPAN_S_MIN:.0f} s are needed"
    curve = _Curve.of(series)
    if isinstance(curve, str):
        return curve
    coverage, values = _coverage(series, curve, [span]), curve.inside([span])
    readings = len(_times(series, [span]))
    if coverage < COVERAGE_MIN:
        return f"readings of {series.sensor} cover {coverage:.0%} of the idle span; {COVERAGE_MIN:.0%} are needed"
    if readings < IDLE_READINGS_MIN:
        return f"{readings} readings of {series.sensor} in the idle span; {IDLE_READINGS_MIN} are needed"
    return curve.energy_j(*span) / ((span[1] - span[0]) * 1e-9), _standard_error(values), readings


def measure(series: SensorSeries, spans: Sequence[Span]) -> Energy | str:
    """Energy of the windows by one sensor, or why it cannot tell."""
    curve = _Curve.of(series)
    if isinstance(curve, str):
        return curve
    span_s = sum(end - start for start, end in spans) * 1e-9
    updates, coverage = _updates(series, spans), _coverage(series, curve, spans)
    if updates < UPDATES_MIN or span_s < SPAN_S_MIN:
        return f"{updates} updates of {series.sensor} in {span_s:.1f} s; {UPDATES_MIN} in {SPAN_S_MIN:.0f} s are needed"
    if coverage < COVERAGE_MIN:
        return f"readings of {series.sensor} cover {coverage:.0%} of the time; {COVERAGE_MIN:.0%} are needed"
    inside = curve.inside(spans)
    alternating = curve.straddling_s(spans) / span_s > STRADDLE_MAX
    longest_s = max(end - start for start, end in spans) * 1e-9
    if alternating and (len(inside) < UPDATES_MIN or (series.update_s or 0.0) > longest_s / 2):
        return (
            f"rounds of at most {longest_s:.2g} s, with other models between, are too short for {series.sensor}: "
            "measure the model alone"
        )
    if alternating:
        energy_j = math.fsum(w for _, w in inside) / len(inside) * span_s
        if curve.counter:
            energy_j = math.fsum(s * w for s, w in inside) / math.fsum(s for s, _ in inside) * span_s
    else:
        energy_j = math.fsum(curve.energy_j(start, end) for start, end in spans)
    if energy_j <= 0:
        return f"{series.sensor} says that {energy_j:.3g} J were used"
    steps = _steps(series, energy_j, span_s)
    if steps < STEPS_MIN:
        return f"{energy_j:.3g} J are {steps:.3g} steps of {series.sensor}; {STEPS_MIN} are needed, " + (
            "measure for longer" if curve.counter else "use a finer meter"
        )
    how = "difference of the counter" if curve.counter else "trapezoid on monotonic stamps"
    method = "mean of what was read inside the rounds x their time" if alternating else how
    return Energy(
        energy_j=energy_j,
        span_s=span_s,
        peak_w=max(w for _, w in inside) if inside else energy_j / span_s,
        updates=updates,
        coverage=coverage,
        half_width=_half_width(series, curve, spans, energy_j / span_s),
        method=f"{method}; {series.formula or series.sensor}{_grade(span_s)}",
        series=series,
    )


def _steps(series: SensorSeries, energy_j: float, span_s: float) -> float:
    """How many steps of its resolution a sensor tells an energy by; a sensor of power steps for the whole time."""
    if not series.resolution:
        return math.inf
    return energy_j / (series.resolution * (1.0 if series.kind == "energy_j" else span_s))


def _grade(span_s: float) -> str:
    short = span_s < SPAN_S_REPORT
    return f"; {span_s:.0f} s, and a figure to be quoted needs {SPAN_S_REPORT:.0f} s" if short else ""


def _half_width(series: SensorSeries, curve: _Curve, spans: Sequence[Span], mean_w: float) -> float | None:
    if series.accuracy is None:
        return None
    inside = curve.inside(spans)
    if curve.counter:
        # Where between two updates each end of a window lay is not known.
        step_s = median(s for s, _ in inside) if inside else 0.0
        span_s = sum(end - start for start, end in spans) * 1e-9
        chance = step_s / math.sqrt(12) * math.sqrt(2 * len(spans)) / span_s
    else:
        chance = _standard_error(inside) / mean_w
    return math.hypot(series.accuracy, 1.96 * chance)


def _standard_error(inside: Sequence[tuple[float, float]]) -> float:
    """Of the mean of powers in order of time, whose neighbours may be alike."""
    values = [w for _, w in inside]
    if len(values) < 2:
        return 0.0
    mean = math.fsum(values) / len(values)
    variance = math.fsum((w - mean) ** 2 for w in values) / (len(values) - 1)
    return math.sqrt(variance * _autocorrelation_time([w - mean for w in values]) / len(values))


def _autocorrelation_time(centred: Sequence[float]) -> float:
    """How many readings stand for an independent one: 1 + 2 x sum of correlations, up to the lag five times the sum."""
    variance = sum(map(mul, centred, centred))
    if not variance:
        return 1.0
    tau = 1.0
    for lag in range(1, min(len(centred) - 1, LAGS_MAX)):
        tau += 2 * sum(map(mul, centred[lag:], centred)) / variance
        if lag >= 5 * tau:
            break
    return max(1.0, tau)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Curve:
    """Power over time: linear between readings of power, constant between two updates of a counter."""

    times_ns: list[int]
    values: list[float]
    counter: bool

    @staticmethod
    def of(series: SensorSeries) -> _Curve | str:
        """The curve of a series, or why there is none."""
        points = [(t, v) for t, v in zip(series.times_ns, series.values, strict=True) if v is not None]
        if len(points) < 2:
            return f"{len(points)} readings of {series.sensor}"
        counter = series.kind == "energy_j"
        if counter:
            unwrapped = _unwrapped(points, series.wrap)
            if unwrapped is None:
                return f"the counter {series.sensor} went back or leapt: it was reset"
            points = unwrapped
        return _Curve(times_ns=[t for t, _ in points], values=[v for _, v in points], counter=counter)

    def energy_j(self, start_ns: int, end_ns: int) -> float:
        """Between two times; the first and the last reading hold beyond the ends of the curve."""
        if self.counter:
            return self._at(end_ns) - self._at(start_ns)
        inner = range(bisect_right(self.times_ns, start_ns), bisect_left(self.times_ns, end_ns))
        points = [
            (start_ns, self._at(start_ns)),
            *((self.times_ns[i], self.values[i]) for i in inner),
            (end_ns, self._at(end_ns)),
        ]
        return math.fsum((b[0] - a[0]) * 1e-9 * (a[1] + b[1]) / 2 for a, b in pairwise(points))

    def _at(self, time_ns: int) -> float:
        i = bisect_right(self.times_ns, time_ns)
        if i == 0 or i == len(self.times_ns):
            i = max(1, min(i, len(self.times_ns) - 1))
            if not self.counter:
                return self.values[0] if time_ns <= self.times_ns[0] else self.values[-1]
        (t0, t1), (v0, v1) = self.times_ns[i - 1 : i + 1], self.values[i - 1 : i + 1]
        return v0 + (v1 - v0) * (time_ns - t0) / (t1 - t0) if t1 > t0 else v1

    def inside(self, spans: Sequence[Span]) -> list[tuple[float, float]]:
        """Seconds and watts of what lies whole inside the windows: readings of power, or steps of a counter."""
        found = []
        for start_ns, end_ns in spans:
            low, high = bisect_left(self.times_ns, start_ns), bisect_right(self.times_ns, end_ns)
            if self.counter:
                for i in range(low + 1, high):
                    seconds = (self.times_ns[i] - self.times_ns[i - 1]) * 1e-9
                    found.append((seconds, (self.values[i] - self.values[i - 1]) / seconds))
            else:
                found += [(0.0, self.values[i]) for i in range(low, high)]
        return found

    def straddling_s(self, spans: Sequence[Span]) -> float:
        """Time of the windows that lies between a reading inside and one outside."""
        found_ns = 0
        for start_ns, end_ns in spans:
            low, high = bisect_left(self.times_ns, start_ns), bisect_right(self.times_ns, end_ns)
            inner_ns = self.times_ns[high - 1] - self.times_ns[low] if high > low else 0
            found_ns += end_ns - start_ns - inner_ns
        return found_ns * 1e-9


def _unwrapped(points: Sequence[tuple[int, float]], wrap: float | None) -> list[tuple[int, float]] | None:
    """Only where a counter has moved, with its wraps added; None when it was reset."""
    found = [points[0]]
    offset = 0.0
    before = points[0]
    for time_ns, value in points[1:]:
        if value < before[1]:
            most_j = WRAP_WATTS_MAX * max(WRAP_SHORTEST_S, (time_ns - before[0]) * 1e-9)
            if wrap is None or not 0 <= value < wrap or wrap - before[1] + value > most_j:
                return None
            offset += wrap
        if value != before[1]:
            gained, passed_s = value + offset - found[-1][1], (time_ns - found[-1][0]) * 1e-9
            if passed_s <= 0 or gained / passed_s > WATTS_MAX:
                return None
            found.append((time_ns, value + offset))
        before = (time_ns, value)
    return found if len(found) > 1 else None


def _times(series: SensorSeries, spans: Sequence[Span]) -> list[int]:
    """When the series was read, and gave a value, inside the windows."""
    return [
        series.times_ns[i]
        for start_ns, end_ns in spans
        for i in range(bisect_left(series.times_ns, start_ns), bisect_right(series.times_ns, end_ns))
        if series.values[i] is not None
    ]


def _updates(series: SensorSeries, spans: Sequence[Span]) -> int:
    """How often the sensor made a value: by its own period where it is known, else by how often the value changed."""
    times = _times(series, spans)
    if series.update_s and series.kind != "energy_j":
        return len({int(t * 1e-9 / series.update_s) for t in times})
    points = [(t, v) for t, v in zip(series.times_ns, series.values, strict=True) if v is not None]
    changed = {b[0] for a, b in pairwise(points) if a[1] != b[1]}
    return sum(t in changed for t in times)


def _coverage(series: SensorSeries, curve: _Curve, spans: Sequence[Span]) -> float:
    """Share of the windows in which the newest value is not older than STALE_PERIODS."""
    period_s = max(series.period_s or PERIOD_S, series.update_s or 0.0)
    good = [t for t, v in zip(series.times_ns, series.values, strict=True) if v is not None]
    if curve.counter:  # one that stands still is read and says nothing
        good = curve.times_ns
        period_s = max(period_s, median(b - a for a, b in pairwise(good)) * 1e-9)
    holds_ns = round(STALE_PERIODS * period_s * 1e9)
    covered_ns = 0
    for start_ns, end_ns in spans:
        until_ns = start_ns
        for t in good[max(0, bisect_right(good, start_ns) - 1) : bisect_right(good, end_ns)]:
            covered_ns += max(0, min(end_ns, t + holds_ns) - max(until_ns, t))
            until_ns = max(until_ns, t + holds_ns)
    total_ns = sum(end - start for start, end in spans)
    return covered_ns / total_ns if total_ns else 0.0
