"""What a sampler hands over: one series per sensor, with its own time stamps and its provenance."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

COMPUTE = ("cpu", "gpu", "npu", "soc")
"""Parts of a device that compute, and whose heat is that of the model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorSeries:
    """The readings of one sensor in a window; `values[i]` None means not measured at `times_ns[i]` (monotonic).

    `period_s`: how often it was meant to be read. `update_s`: how often it makes a new value, where that is known.
    `accuracy`: its limit of error as a fraction of the reading. `resolution`: its smallest step.
    `wrap`: where a counter begins again. `part`: what of the device it tells of (cpu, gpu, npu, soc, disk, network,
    memory, battery, board), where that is known. `critical`: of a temperature, where the device ends itself.
    `rank`: of sensors of one kind and scope the lowest is preferred.
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
    resolution: float | None = None
    wrap: float | None = None
    part: str = ""
    critical: float | None = None
    rank: int = 20
    formula: str = ""
    estimated: bool = False
    simulated: bool = False


def of_the_chip(telemetry: Iterable[SensorSeries]) -> list[SensorSeries]:
    """The temperatures that are the model's doing: of what computes, or of parts that are not known where none is.

    The hottest chip of a board may be its network's: 96 degC on an idle AGX Orin.
    """
    temperatures = [s for s in telemetry if s.kind == "temperature_c"]
    return [s for s in temperatures if s.part in COMPUTE] or [s for s in temperatures if not s.part]
