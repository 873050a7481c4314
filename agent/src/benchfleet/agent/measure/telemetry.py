"""What a measurement asks of the sampler."""

from __future__ import annotations

from typing import Protocol

from benchfleet.core.samples import SensorSeries


class Telemetry(Protocol):
    """The sampler, as a measurement sees it; times are CLOCK_MONOTONIC nanoseconds."""

    def series(self, start_ns: int, end_ns: int) -> tuple[SensorSeries, ...]:
        """Every sensor's readings in a window."""
        ...

    def pause(self, paused: bool) -> None:
        """Reads nothing while paused."""
        ...

    def simulated(self) -> list[str]:
        """The sensors that are fakes."""
        ...

    def cpu_ratio(self, start_ns: int, end_ns: int) -> float | None:
        """CPU time the sampler took in the window over its length; None when not known."""
        ...

    def late_ratio(self, start_ns: int, end_ns: int) -> float | None:
        """Share of the samples due in the window that came over a period late; None when none came."""
        ...
