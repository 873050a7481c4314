"""Temperatures over the measured rounds, all three of one sensor: the one of what computes that became hottest.

Start is what it showed when the first round began, end what it showed when the last one ended; loading, warming and the
idle span before are not the model's temperature.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence

from benchfleet.core.evidence import Evidence
from benchfleet.core.metric import Metric
from benchfleet.core.results import Value, missing
from benchfleet.core.samples import SensorSeries, of_the_chip


def _during(series: SensorSeries, evidence: Evidence) -> list[float]:
    """From the newest reading before the first round to the last one before the end; all where there are no rounds."""
    points = [(t, v) for t, v in zip(series.times_ns, series.values, strict=True) if v is not None]
    rounds = evidence.model.rounds
    if rounds:
        times = [t for t, _ in points]
        first = max(0, bisect_right(times, min(r.start_ns for r in rounds)) - 1)
        points = points[first : bisect_right(times, max(r.end_ns for r in rounds))]
    return [v for _, v in points]


def _temperature(pick: Callable[[Sequence[float]], float], method: str) -> Callable[[Evidence], Value]:
    def compute(evidence: Evidence) -> Value:
        best: tuple[float, list[float], SensorSeries] | None = None
        for series in of_the_chip(evidence.telemetry):
            values = _during(series, evidence)
            if values and (best is None or max(values) > best[0]):
                best = (max(values), values, series)
        if best is None:
            return missing("this host has no readable temperature sensor")
        _, values, series = best
        return Value(
            value=pick(values),
            n=len(values),
            method=f"{method}; the sensor that became hottest",
            source=series.sensor,
            scope=series.scope,
        )

    return compute


METRICS = (
    Metric(
        name="temperature_c_start", unit="degC", better="lower", help="temperature at the start of the rounds",
        how="newest reading at the start", compute=_temperature(lambda v: v[0], "at the start of the rounds"),
    ),
    Metric(
        name="temperature_c_end", unit="degC", better="lower", help="temperature at the end of the rounds",
        how="newest reading at the end", compute=_temperature(lambda v: v[-1], "at the end of the rounds"),
    ),
    Metric(
        name="temperature_c_max", unit="degC", better="lower", help="highest temperature during the rounds",
        how="maximum", compute=_temperature(max, "maximum"),
    ),
)  # fmt: skip
