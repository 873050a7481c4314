"""What a sampler hands over: one series per sensor, with its own time stamps and its provenance."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorSeries:
    """The readings of one sensor in a window; `values[i]` None means not measured at `times_ns[i]` (monotonic)."""

    sensor: str
    kind: str
    scope: str
    source: str
    times_ns: tuple[int, ...]
    values: tuple[float | None, ...]
