"""A program that tells of a Jetson line by line: its lines as sensors, where no file of the device says the same.

Where an INA3221 or INA238 is shown by the kernel, nothing is taken of such a program: files are finer in time and need
no process. Of the rest only that is taken which no file has; a recorded text may be all that there is of a board.
Totals are those of `_jetson_totals`, whatever the program sums.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from benchfleet.agent.env import Env
from benchfleet.agent.env.commands import Installed
from benchfleet.agent.sensors import Reading, Sensor, jetson
from benchfleet.agent.sensors import _jetson_totals as totals
from benchfleet.agent.sensors._files import Unread, checked, unread
from benchfleet.agent.sensors._ina import chips
from benchfleet.agent.sensors._parts import part_of
from benchfleet.agent.sensors._stream import Lines
from benchfleet.agent.sensors.thermal_zone import GATED_C, PLAUSIBLE_C, no_temperature

Line = dict[tuple[str, str], float]
"""Name and quantity, to SI units: ("VDD_IN", "power"), ("GPU", "temperature"), ("gpu", "load")."""

KINDS = {
    "power": "power_w",
    "temperature": "temperature_c",
    "load": "utilization_ratio",
    "clock": "clock_hz",
    "used": "memory_bytes",
}
POWER_MAX_W = 1_000.0
PARTS = {"gpu": "gpu", "emc": "memory", "ram": "memory", "cpu": "cpu"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Teller:
    """`name` begins the ids, and is what a recording has it under; `argv` runs it here."""

    name: str
    argv: tuple[str, ...]
    parse: Callable[[str], Line]
    every_s: float
    cost_s: float
    wait_s: float


def sensors(env: Env, teller: Teller) -> list[Sensor]:
    """What a line of it has and no file does; OSError where no line comes."""
    if superfluous(env):
        return []
    source = Source(env, teller)
    try:
        line = teller.parse(source.line())
    finally:
        source.close()
    known = _known(env)
    found = [
        _sensor(teller, name, quantity)
        for name, quantity in line
        if known.isdisjoint({(name, quantity), ("", quantity)}) and not (quantity == "temperature" and _no_chip(name))
    ]
    return [*found, *_whole(env, teller, [name for name, quantity in line if quantity == "power"])]


def superfluous(env: Env) -> bool:
    """Whether the kernel shows what measures power."""
    return bool(chips(env, "ina3221") or chips(env, "ina238"))


def _known(env: Env) -> set[tuple[str, str]]:
    """What files of this device tell already, by name and quantity; an empty name is any."""
    known = set()
    for sensor in jetson.probe(env):
        name, _, quantity = sensor.id.removeprefix("jetson/").partition("/")
        known.add((sensor.part if sensor.part == "gpu" else name, quantity))
    if env.files.exists("/sys/class/thermal/thermal_zone0"):
        known.add(("", "temperature"))
    if env.files.exists("/proc/stat"):
        known.add(("cpu", "load"))
    if env.files.exists("/proc/meminfo"):
        known.add(("ram", "used"))
    return known


def _no_chip(name: str) -> bool:
    """Whether a temperature is none of the chip: `thermal` is what thermal-fan-est is among the zones."""
    return no_temperature(name) or name.lower() == "thermal"


def _sensor(teller: Teller, name: str, quantity: str) -> Sensor:
    return Sensor(
        id=f"{teller.name}/{name}/{quantity}",
        kind=KINDS[quantity],
        scope="rail" if quantity == "power" else "system" if quantity == "used" else "component",
        source=teller.name,
        paths=(teller.name,),
        every_s=teller.every_s,
        slow=True,
        cost_s=teller.cost_s,
        part=part_of(name) if quantity == "temperature" else PARTS.get(name, ""),
        includes=(name,) if quantity == "power" else (),
    )


def _whole(env: Env, teller: Teller, rails: list[str]) -> Iterator[Sensor]:
    """The total of the module or board, and the input of a Thor's system."""
    rule = totals.total(totals.soc(env), rails)
    if rule is None:
        return
    yield _total(teller, "total", rule.scope, rule.formula, rule.includes, rule.excludes)
    if totals.SYSTEM_SOC in rule.socs and totals.SYSTEM_RAIL in rails:
        yield _total(teller, "system", "system", totals.SYSTEM_RAIL, ("module", "carrier board"))


def _total(
    teller: Teller, name: str, scope: str, formula: str, includes: tuple[str, ...], excludes: tuple[str, ...] = ()
) -> Sensor:
    return Sensor(
        id=f"{teller.name}/{name}/power",
        kind="power_w",
        scope=scope,
        source=teller.name,
        paths=(teller.name,),
        every_s=teller.every_s,
        slow=True,
        cost_s=teller.cost_s,
        formula=formula,
        derived=True,
        includes=includes,
        excludes=excludes,
    )


class Source:
    """Lines of the program: of the process here, or the last of a recording."""

    def __init__(self, env: Env, teller: Teller) -> None:
        self._env, self._teller = env, teller
        self._lines = Lines(teller.argv) if isinstance(env.commands, Installed) else None

    def line(self) -> str:
        if self._lines is not None:
            return self._lines.newest(self._teller.wait_s)
        lines = self._env.commands.run([self._teller.name]).stdout.strip().splitlines()
        return lines[-1] if lines else ""

    def close(self) -> None:
        if self._lines is not None:
            with contextlib.suppress(OSError):
                self._lines.close()


class Told:
    """A reader of its lines: one that did not come is a timeout of all sensors."""

    def __init__(self, env: Env, teller: Teller, sensors: list[Sensor]) -> None:
        self._teller, self._sensors = teller, sensors
        self._source = Source(env, teller)

    def read(self) -> list[Reading]:
        if not self._sensors:
            return []
        try:
            line = self._teller.parse(self._source.line())
        except OSError as error:
            return [unread(sensor, error) for sensor in self._sensors]
        return [self._reading(sensor, line) for sensor in self._sensors]

    def close(self) -> None:
        self._source.close()

    @staticmethod
    def _reading(sensor: Sensor, line: Line) -> Reading:
        try:
            return checked(sensor, _value(sensor, line))
        except (LookupError, ValueError, Unread) as error:
            return unread(sensor, error)


def _value(sensor: Sensor, line: Line) -> float:
    if not line:
        raise LookupError(f"what {sensor.source} printed is no line of it")
    if sensor.derived:
        names = sensor.formula.removeprefix("sum(").removesuffix(")").split(",")
        return sum(_said(sensor, line, name, "power") for name in names)
    _, name, quantity = sensor.id.split("/")
    return _said(sensor, line, name, quantity)


def _said(sensor: Sensor, line: Line, name: str, quantity: str) -> float:
    if (name, quantity) not in line:
        raise LookupError(f"{sensor.source} says nothing of {name}")
    value = line[name, quantity]
    if quantity == "temperature":
        if value == GATED_C:
            raise Unread("gated", "-256 degC: the block is without power")
        if not PLAUSIBLE_C[0] <= value <= PLAUSIBLE_C[1]:
            raise ValueError(f"{value:g} degC is no temperature of a device")
    if quantity == "clock" and not value:
        raise Unread("gated", "0 Hz: the block is off")
    if (quantity == "load" and value > 1) or (quantity == "power" and abs(value) > POWER_MAX_W):
        raise ValueError(f"{value:g} cannot be")
    return value
