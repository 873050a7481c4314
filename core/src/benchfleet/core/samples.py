"""What a sampler hands over: one series per sensor, with its own time stamps and its provenance."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorSeries:
    """The readings of one sensor in a window; `values[i]` None means not measured at `times_ns[i]` (monotonic).

    `period_s`: how often it was meant to be read. `update_s`: how often it makes a new value, where that is known.
    `accuracy`: its limit of error as a fraction of the reading. `wrap`: where a counter begins again.
    `estimated`: computed from something else than power. `simulated`: a fake.
    """

    sensor: str
    kind: str
    scope: str
    source: str
    times_ns: tuple[int, ...]
    values: tuple[float | None, ...]
    period_s: float | None = None
    update_s: float | None = None
    accuracy: float | None = None
    wrap: float | None = None
    formula: str = ""
    estimated: bool = False
    simulated: bool = False
