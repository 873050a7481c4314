"""Temperatures of the kernel's thermal zones, in millidegrees.

Zone numbers move between boots and boards, so a zone is named by its type. Zones that show no temperature of this
device are left out: the PMIC of a Tegra stands at 50 or 100 degrees for ever, and a fan's estimate is a mean of others.
A block without power fails with EAGAIN or shows -256 degrees: it is gated, and says nothing of the others.
https://docs.kernel.org/driver-api/thermal/sysfs-api.html
"""

from __future__ import annotations

import contextlib

from benchfleet.agent.env import Env
from benchfleet.agent.sensors import Reader, Sensor
from benchfleet.agent.sensors._files import Files, Unread, first_number
from benchfleet.agent.sensors._parts import part_of

EVERY_S = 1.0
"""A chip of a few grams does not change its temperature faster than this shows."""
PLAUSIBLE_C = (-40.0, 150.0)
GATED_C = -256.0
"""What the drivers of Tegra show of a block that is switched off."""


def probe(env: Env) -> list[Sensor]:
    """One sensor per zone, named by its type; a second zone of one type has a number."""
    found: list[Sensor] = []
    seen: dict[str, int] = {}
    for zone in env.files.glob("/sys/class/thermal/thermal_zone*"):
        name = env.files.text(f"{zone}/type", "")
        if not name or no_temperature(name):
            continue
        seen[name] = seen.get(name, 0) + 1
        numbered = name if seen[name] == 1 else f"{name}-{seen[name]}"
        found.append(
            Sensor(
                id=f"thermal_zone/{numbered}",
                kind="temperature_c",
                scope="component",
                source="sysfs",
                paths=(f"{zone}/temp",),
                every_s=EVERY_S,
                part=part_of(name),
                critical=_critical_c(env, zone),
            )
        )
    return found


def _critical_c(env: Env, zone: str) -> float | None:
    """Where the kernel shuts the device down; None where it does not say, or says nonsense."""
    for trip in env.files.glob(f"{zone}/trip_point_*_type"):
        if env.files.text(trip, "") == "critical":
            with contextlib.suppress(OSError, ValueError):
                value_c = float(env.files.text(trip.replace("_type", "_temp"))) / 1000
                return value_c if 0 < value_c <= PLAUSIBLE_C[1] else None
    return None


def reader(env: Env, sensors: list[Sensor]) -> Reader:
    """Degrees Celsius; an absurd value is implausible, not a temperature."""
    return Files(env, sensors, celsius)


def no_temperature(name: str) -> bool:
    """Whether a zone's type says that it shows no temperature of the chip."""
    return name.lower().startswith("pmic") or "fan-est" in name.lower()


def celsius(sensor: Sensor, text: bytes) -> float:
    """Of millidegrees."""
    value_c = first_number(sensor, text) / 1000
    if value_c == GATED_C:
        raise Unread("gated", "-256 degC: the block is without power")
    if not PLAUSIBLE_C[0] <= value_c <= PLAUSIBLE_C[1]:
        raise ValueError(f"{value_c:g} degC is no temperature of a device")
    return value_c
