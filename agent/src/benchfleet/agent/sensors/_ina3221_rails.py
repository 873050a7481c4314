"""The rails that INA3221 of a board show: which files are one rail, by either driver of the kernel.

hwmon (JetPack 5 and later, any board): inK_input mV, currK_input mA for K of 1 to 3, and no power. in4 to in6 are shunt
voltages in uV, in7 and curr4 sums of unlike shunts, and none of them is a rail.
iio (JetPack 4): rail_name_K, in_voltageK_input mV, in_currentK_input mA, in_powerK_input mW for K of 0 to 2.
https://www.kernel.org/doc/html/latest/hwmon/ina3221.html
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from benchfleet.agent.env import Env
from benchfleet.agent.sensors._ina import Chip, chips

SHUNT_STEP_UV = 40.0
SHUNTS_OHM = (0.0005, 0.001, 0.002, 0.003, 0.004, 0.005, 0.01, 0.015, 0.02, 0.025, 0.03, 0.05, 0.1)
"""What boards are built with; one that is inferred from a voltage and a current must be near one of these."""
SHUNT_UNLIKE = 0.1
NAME_MAX = 64
INTERVAL_MAX_S = 60.0
"""The chip's longest, of three channels and 1024 averages, is 51 s; what is longer is no interval."""
SHUNT_STEPS_MIN = 3
"""Below so many steps of shunt voltage its quotient with the current says nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rail:
    """One channel of one chip, and its files; `power` where its driver gives it, `enable` if it can be off."""

    chip: Chip
    name: str
    voltage: str
    current: str
    power: str = ""
    enable: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()
    alarms: tuple[str, ...] = ()
    shunt_ohm: float | None = None

    @property
    def watts(self) -> tuple[str, ...]:
        """The files that its power is read from."""
        return (self.power or self.voltage, *(() if self.power else (self.current,)), *self.enable)


def listed(env: Env) -> list[Rail]:
    """All rails of all chips; a name that one chip has twice is numbered."""
    found: list[Rail] = []
    for chip in chips(env, "ina3221"):
        names: dict[str, int] = {}
        for rail in _hwmon(env, chip) if chip.kind == "hwmon" else _iio(env, chip):
            names[rail.name] = count = names.get(rail.name, 0) + 1
            found.append(rail if count == 1 else replace(rail, name=f"{rail.name}-{count}"))
    return found


def _hwmon(env: Env, chip: Chip) -> Iterator[Rail]:
    for k in (1, 2, 3):
        at = f"{chip.folder}/in{k}"
        name = _name(env, f"{at}_label") or f"ch{k}"
        if _is_rail(name) and env.files.exists(f"{at}_input"):
            curr = f"{chip.folder}/curr{k}"
            yield Rail(
                chip=chip,
                name=name,
                voltage=f"{at}_input",
                current=f"{curr}_input",
                enable=_there(env, f"{at}_enable"),
                limits=_there(env, f"{curr}_max", f"{curr}_crit"),
                alarms=_there(env, f"{curr}_max_alarm", f"{curr}_crit_alarm"),
                shunt_ohm=_shunt_ohm(env, chip.folder, k),
            )


def _iio(env: Env, chip: Chip) -> Iterator[Rail]:
    for k in (0, 1, 2):
        name = _name(env, f"{chip.folder}/rail_name_{k}")
        if name and _is_rail(name):
            yield Rail(
                chip=chip,
                name=name,
                voltage=f"{chip.folder}/in_voltage{k}_input",
                current=f"{chip.folder}/in_current{k}_input",
                power=f"{chip.folder}/in_power{k}_input",
                limits=_there(env, f"{chip.folder}/warn_current_limit_{k}", f"{chip.folder}/crit_current_limit_{k}"),
            )


def _name(env: Env, path: str) -> str:
    """A label; a slash in it would be another part of an id."""
    return env.files.text(path, "").replace("/", "-")[:NAME_MAX]


def _is_rail(name: str) -> bool:
    return name.upper() not in ("NC", "N-C") and "sum of shunt" not in name.lower()


def _there(env: Env, *paths: str) -> tuple[str, ...]:
    return paths if all(env.files.exists(path) for path in paths) else ()


def _shunt_ohm(env: Env, folder: str, k: int) -> float | None:
    """Said by the driver (uOhm), or inferred from the voltage across it and the current where these are large."""
    told = number(env, f"{folder}/shunt{k}_resistor")
    if told and 0 < told < math.inf:
        return told / 1e6
    across_uv, current_ma = number(env, f"{folder}/in{k + 3}_input"), number(env, f"{folder}/curr{k}_input")
    if across_uv is None or not current_ma or abs(across_uv) < SHUNT_STEPS_MIN * SHUNT_STEP_UV:
        return None
    ohm = across_uv / current_ma / 1000
    near = min(SHUNTS_OHM, key=lambda known: abs(known - ohm) / known)
    return near if abs(near - ohm) <= SHUNT_UNLIKE * near else None


def interval_s(env: Env, folder: str) -> float | None:
    """How often a chip makes a value, which is the mean over that time (of all its averages and channels)."""
    interval_ms = number(env, f"{folder}/update_interval")
    return interval_ms / 1000 if interval_ms and 0 < interval_ms <= INTERVAL_MAX_S * 1000 else None


def number(env: Env, path: str) -> float | None:
    try:
        return float(env.files.text(path).split()[0])
    except (OSError, ValueError, IndexError):
        return None
