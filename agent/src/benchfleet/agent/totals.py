"""What the whole device takes: the one sensor that stands for it, never a sum of our own and never a part.

Of the sensors that measure power the widest scope counts (the socket before the board before its module), and in that
scope the preferred rank. A rail, a chip or a sum that leaves something out stands for no device, nor does an estimate.
"""

from __future__ import annotations

from dataclasses import dataclass

from benchfleet.agent.sensors import Reading, Sensor

SCOPES = ("wall", "system", "board", "module")
"""From the widest to the narrowest that may stand for the whole device."""
NOW = ("ok", "below_resolution")
"""Qualities of a value of this moment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Total:
    """`value` with the sensor it is from; None with the reason. A wider sensor that gave no value is told in both."""

    value: float | None = None
    sensor: Sensor | None = None
    reason: str = ""


def power(readings: list[tuple[Sensor, Reading]]) -> Total:
    """The power of the device in watts."""
    listed = [(s, r) for s, r in readings if s.kind == "power_w"]
    missing: list[str] = []
    for scope in SCOPES:
        at = sorted(((s, r) for s, r in listed if s.scope == scope and not s.estimated), key=lambda each: each[0].rank)
        missing += [f"{s.id} ({scope}) is {r.quality}" for s, r in at if r.number is None or r.quality not in NOW]
        good = [(s, r.number) for s, r in at if r.number is not None and r.quality in NOW]
        best = [each for each in good if each[0].rank == good[0][0].rank]
        if len(best) > 1:
            ids = ", ".join(sensor.id for sensor, _ in best)
            missing.append(f"{len(best)} sensors of scope {scope} stand for it alike: {ids}")
        elif best:
            return Total(value=best[0][1], sensor=best[0][0], reason="; ".join(missing))
    if missing:
        return Total(reason="; ".join(missing))
    if not listed:
        return Total(reason="no sensor of power")
    parts = ", ".join(sorted({"estimate" if s.estimated else s.scope for s, _ in listed}))
    return Total(reason=f"power is read of parts alone ({parts}), and no sum of them stands for the device")
