"""Mean power over the measured span, from one sensor of the widest scope; different scopes are never summed.

A rail is not the power of a device, so rails alone give no number. Fewer than 50 readings or 10 s give none either: a
sensor that averages over a second would answer for the time before the measurement.
"""

from __future__ import annotations

from itertools import pairwise

from benchfleet.core.evidence import Evidence
from benchfleet.core.metric import Metric
from benchfleet.core.results import Value, missing

SCOPES = ("wall", "system", "board", "module", "component")
"""From the widest to the narrowest that may stand for a device."""

READINGS_MIN = 50
SPAN_S_MIN = 10.0


def _mean(evidence: Evidence) -> Value:
    power = [series for series in evidence.telemetry if series.kind == "power_w" and series.scope in SCOPES]
    if not power:
        return missing("no power sensor of the device, module or board")
    scope = min((series.scope for series in power), key=SCOPES.index)
    widest = [series for series in power if series.scope == scope]
    if len(widest) > 1:
        return missing(f"{len(widest)} power sensors have the scope {scope}; they are not summed")
    series = widest[0]
    points = [(t, v) for t, v in zip(series.times_ns, series.values, strict=True) if v is not None]
    span_s = (points[-1][0] - points[0][0]) * 1e-9 if points else 0.0
    if len(points) < READINGS_MIN or span_s < SPAN_S_MIN:
        return missing(
            f"{len(points)} power readings in {span_s:.1f} s; {READINGS_MIN} in {SPAN_S_MIN:.0f} s are needed"
        )
    energy_j = sum((b[0] - a[0]) * 1e-9 * (a[1] + b[1]) / 2 for a, b in pairwise(points))
    return Value(
        value=energy_j / span_s, n=len(points), method="trapezoid / span", source=series.source, scope=series.scope
    )


METRICS = (
    Metric(
        name="power_w_mean",
        unit="W",
        better="lower",
        help="mean power while measuring, gross",
        how="trapezoid over one sensor of the widest scope",
        compute=_mean,
    ),
)
