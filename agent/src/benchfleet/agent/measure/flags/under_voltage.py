"""A supply that sagged: a thin cable or a weak adapter, and firmware lowers the clocks for it.

Boards tell by a flag of now, or by one that stays until a reboot; of the latter only a change meanwhile counts.
https://www.raspberrypi.com/documentation/computers/os.html#get_throttled
"""

from __future__ import annotations

from collections.abc import Iterator

from benchfleet.agent.measure.flags import Seen, degraded
from benchfleet.core.metrics.throttle import of_supply
from benchfleet.core.results import Reason


def find(seen: Seen) -> Iterator[Reason]:
    """under_voltage."""
    said = []
    for series in seen.evidence.telemetry:
        values = [v for v in series.values if v is not None]
        if not of_supply(series.sensor) or not values:
            continue
        now = series.kind == "throttle_state" and any(values)
        since = series.kind == "throttle_count" and max(values) > values[0]
        if now or since:
            said.append(series.sensor)
    if said:
        yield degraded(
            "under_voltage",
            f"the supply sagged while measuring, says {said[0]}: use a stronger adapter and a short, thick cable",
        )
