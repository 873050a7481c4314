"""A device that warmed or cooled while it was measured."""

from __future__ import annotations

from collections.abc import Iterator

from benchfleet.agent.measure.flags import Seen, degraded
from benchfleet.core.results import Reason

DRIFT_C = 5.0


def find(seen: Seen) -> Iterator[Reason]:
    """thermal_drift."""
    start, end = seen.number("temperature_c_start"), seen.number("temperature_c_end")
    if start is not None and end is not None and abs(end - start) > DRIFT_C:
        yield degraded("thermal_drift", f"temperature moved from {start:.0f} to {end:.0f} degC while measuring")
