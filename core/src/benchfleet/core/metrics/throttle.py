"""Throttling while measuring: what the device says of it, and what its clocks did.

Kinds of sensors read: `throttle_events` (a counter that only rises), `throttle_state` (bits of reasons, 0 for none) and
`clock_hz`. Only readings inside rounds of the model count, since an idle governor lowers clocks too.
"""

from __future__ import annotations

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


def _events(evidence: Evidence) -> Value:
    counters = [(s, _points(s)) for s in evidence.telemetry if s.kind == "throttle_events"]
    rises = {s.sensor: sum(max(0.0, b[1] - a[1]) for a, b in pairwise(p)) for s, p in counters if len(p) > 1}
    if not rises:
        return missing("this device has no counter of throttling")
    worst = max(rises, key=lambda sensor: rises[sensor])
    return Value(value=sum(rises.values()), n=len(rises), method="rise of all counters", source=worst)


def _share(evidence: Evidence) -> Value:
    best: Value | None = None
    for series in evidence.telemetry:
        points = _inside(_points(series), evidence) if series.kind == "throttle_state" else []
        if points:
            share = sum(v != 0 for _, v in points) / len(points)
            if best is None or share > (best.value or 0.0):
                best = Value(
                    value=share, n=len(points), method="readings with any reason / readings", source=series.sensor
                )
    return best or missing("this device does not tell whether it throttles")


def _clock(evidence: Evidence) -> Value:
    """Of each mechanism the fastest clock at a time: the model runs on one core, and the others may rest."""
    fastest: dict[tuple[str, str], dict[int, float]] = defaultdict(dict)
    for series in evidence.telemetry:
        if series.kind == "clock_hz":
            held = fastest[series.source, series.scope]
            for at_ns, hz in _points(series):
                held[at_ns] = max(hz, held.get(at_ns, 0.0))
    best: Value | None = None
    for (source, scope), held in fastest.items():
        points = sorted(held.items())
        inside = sorted(hz for _, hz in _inside(points, evidence))
        if len(inside) < READINGS_MIN:
            continue
        top = statistics.quantile(sorted(hz for _, hz in points), TOP)
        ratio = statistics.quantile(inside, LOW) / top if top > 0 else 0.0
        if best is None or ratio < (best.value or 0.0):
            best = Value(
                value=ratio, n=len(inside), method="10th percentile in rounds / 95th of all readings", source=source,
                scope=scope,
            )  # fmt: skip
    return best or missing("this host has no readable clock, or too few readings of it inside rounds")


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
)  # fmt: skip
