"""Throttling while measuring: what the device says of it, and what its clocks did.

Kinds of sensors read: `throttle_count` (a counter that only rises, of events or of a flag that stays until a reboot),
`throttle_state` (0 for none) and `clock_hz`. Only readings inside rounds of the model count, since an idle governor
lowers clocks too. A clock that is only asked for is `estimated`: firmware that throttles leaves it where it was.
Too low a supply is told apart from throttling (flags/under_voltage.py), which it leads to.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from itertools import pairwise

from benchfleet.core import statistics
from benchfleet.core.evidence import Evidence
from benchfleet.core.metric import Metric
from benchfleet.core.results import Value, missing
from benchfleet.core.samples import SensorSeries

TOP, LOW = 0.95, 0.1
READINGS_MIN = 10
"""Of a clock, inside rounds: fewer say nothing about a tenth of the time."""


def _points(series: SensorSeries) -> list[tuple[int, float]]:
    return [(t, v) for t, v in zip(series.times_ns, series.values, strict=True) if v is not None]


def _inside(points: list[tuple[int, float]], evidence: Evidence) -> list[tuple[int, float]]:
    """Those within rounds; all of them where no round was measured."""
    spans = [(r.start_ns, r.end_ns) for r in evidence.model.rounds]
    return [p for p in points if not spans or any(start <= p[0] <= end for start, end in spans)]


def of_supply(sensor: str) -> bool:
    """Whether a throttle sensor tells of the supply's voltage."""
    return "under_voltage" in sensor


def _events(evidence: Evidence) -> Value:
    telling = [s for s in evidence.telemetry if s.kind == "throttle_count" and not of_supply(s.sensor)]
    counters = [(s, _points(s)) for s in telling]
    rises = {s.sensor: sum(max(0.0, b[1] - a[1]) for a, b in pairwise(p)) for s, p in counters if len(p) > 1}
    if not rises:
        return missing("this device has no counter of throttling")
    worst = max(rises, key=lambda sensor: rises[sensor])
    return Value(value=sum(rises.values()), n=len(rises), method="rise of all counters", source=worst)


def _share(evidence: Evidence) -> Value:
    best: Value | None = None
    for series in evidence.telemetry:
        tells = series.kind == "throttle_state" and not of_supply(series.sensor)
        points = _inside(_points(series), evidence) if tells else []
        if points:
            share = sum(v != 0 for _, v in points) / len(points)
            if best is None or share > (best.value or 0.0):
                best = Value(
                    value=share, n=len(points), method="readings with any reason / readings", source=series.sensor
                )
    return best or missing("this device does not tell whether it throttles")


def _clock(evidence: Evidence) -> Value:
    """Of each part the fastest clock at a time: the model runs on one core, and the others may rest."""
    real = {_part(s) for s in evidence.telemetry if s.kind == "clock_hz" and not s.estimated and any(s.values)}
    fastest: dict[tuple[str, str], dict[int, float]] = defaultdict(dict)
    for series in evidence.telemetry:
        if series.kind == "clock_hz" and not (series.estimated and _part(series) in real):
            held = fastest[_part(series), series.source]
            for at_ns, hz in _points(series):
                held[at_ns] = max(hz, held.get(at_ns, 0.0))
    best: Value | None = None
    for (part, source), held in fastest.items():
        points = sorted(held.items())
        inside = sorted(hz for _, hz in _inside(points, evidence))
        if len(inside) < READINGS_MIN:
            continue
        top = statistics.quantile(sorted(hz for _, hz in points), TOP)
        ratio = statistics.quantile(inside, LOW) / top if top > 0 else 0.0
        if best is None or ratio < (best.value or 0.0):
            best = Value(
                value=ratio, n=len(inside), method="10th percentile in rounds / 95th of all readings",
                source=f"{part} ({source})",
            )  # fmt: skip
    return best or missing("this host has no readable clock, or too few readings of it inside rounds")


def _part(series: SensorSeries) -> str:
    return series.part or series.scope


def _granted(evidence: Evidence) -> Value:
    """Of the CPU: the lowest tenth of real clocks, over what was asked for at that time."""
    asked, given = (_fastest(evidence, estimated) for estimated in (True, False))
    if not asked or not given:
        return missing("this host does not tell both the clock that is asked for and the one that runs")
    times = sorted(asked)
    ratios = []
    for at_ns, hz in _inside(sorted(given.items()), evidence):
        before = times[max(0, bisect_right(times, at_ns) - 1)]
        if asked[before] > 0:
            ratios.append(hz / asked[before])
    if len(ratios) < READINGS_MIN:
        return missing(f"{len(ratios)} readings of the real clock inside rounds; {READINGS_MIN} are needed")
    return Value(
        value=statistics.quantile(sorted(ratios), LOW), n=len(ratios),
        method="10th percentile in rounds of real clock / clock asked for, of the fastest core", source="cpu",
    )  # fmt: skip


def _fastest(evidence: Evidence, estimated: bool) -> dict[int, float]:
    held: dict[int, float] = {}
    for series in evidence.telemetry:
        if series.kind == "clock_hz" and series.part == "cpu" and series.estimated == estimated:
            for at_ns, hz in _points(series):
                held[at_ns] = max(hz, held.get(at_ns, 0.0))
    return held


METRICS = (
    Metric(
        name="throttle_events", unit="1", better="lower", help="times the device throttled", how="rise of its counters",
        compute=_events,
    ),
    Metric(
        name="throttled_ratio", unit="ratio", better="lower", help="share of the rounds in which the device throttled",
        how="readings with any reason bit / readings", compute=_share, high=1,
    ),
    Metric(
        name="clock_ratio", unit="ratio", better="higher", help="clock in the slowest tenth of rounds over its best",
        how="10th percentile in rounds / 95th percentile of all readings", compute=_clock,
    ),
    Metric(
        name="clock_granted_ratio", unit="ratio", better="higher", help="clock that runs over the clock asked for",
        how="10th percentile in rounds, CPU", compute=_granted,
    ),
)  # fmt: skip
