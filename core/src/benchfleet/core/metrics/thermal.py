"""Temperatures over the measured span, from the sensors of the device."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from benchfleet.core.evidence import Evidence
from benchfleet.core.metric import Metric
from benchfleet.core.results import Value, missing


def _temperature(pick: Callable[[Sequence[float]], float], method: str) -> Callable[[Evidence], Value]:
    def compute(evidence: Evidence) -> Value:
        best: tuple[float, str, str, int] | None = None
        for series in evidence.telemetry:
            values = [v for v in series.values if v is not None]
            if series.kind == "temperature_c" and values and (best is None or pick(values) > best[0]):
                best = (pick(values), series.sensor, series.scope, len(values))
        if best is None:
            return missing("this host has no readable temperature sensor")
        return Value(value=best[0], n=best[3], method=f"{method}; hottest sensor", source=best[1], scope=best[2])

    return compute


METRICS = (
    Metric(
        name="temperature_c_start", unit="degC", better="lower", help="temperature at the start", how="first reading",
        compute=_temperature(lambda v: v[0], "first reading"),
    ),
    Metric(
        name="temperature_c_end", unit="degC", better="lower", help="temperature at the end", how="last reading",
        compute=_temperature(lambda v: v[-1], "last reading"),
    ),
    Metric(
        name="temperature_c_max", unit="degC", better="lower", help="highest temperature", how="maximum",
        compute=_temperature(max, "maximum"),
    ),
)  # fmt: skip
