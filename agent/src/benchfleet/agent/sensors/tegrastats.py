"""What tegrastats says of a Jetson whose files do not say it: rails, load, clocks, temperatures.

It is the last resort: where an INA3221 or INA238 is shown by the kernel, nothing is read of it, since the files are
finer in time and need no process. Of the rest only that is taken which no file of this device has: a recorded text may
be all that there is of a board. One process prints a line each half second for as long as it is read.
Its totals are those of `_jetson_totals`. `_tegrastats_line` has the forms a line may have.
https://docs.nvidia.com/jetson/archives/r36.4/DeveloperGuide/AT/JetsonLinuxDevelopmentTools/TegrastatsUtility.html
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator

from benchfleet.agent.env import Env
from benchfleet.agent.env.commands import Installed
from benchfleet.agent.sensors import Reader, Reading, Sensor, jetson
from benchfleet.agent.sensors import _jetson_totals as totals
from benchfleet.agent.sensors._files import Unread, checked, unread
from benchfleet.agent.sensors._ina import chips
from benchfleet.agent.sensors._parts import part_of
from benchfleet.agent.sensors._stream import Lines
from benchfleet.agent.sensors._tegrastats_line import Line, parsed
from benchfleet.agent.sensors.thermal_zone import GATED_C, PLAUSIBLE_C, no_temperature

PROGRAM = "tegrastats"
EVERY_S = 0.5
WAIT_S = 4 * EVERY_S
TOTAL_ID = "tegrastats/total/power"
KINDS = {
    "power": "power_w",
    "temperature": "temperature_c",
    "load": "utilization_ratio",
    "clock": "clock_hz",
    "used": "memory_bytes",
}
POWER_MAX_W = 1_000.0
PARTS = {"gpu": "gpu", "emc": "memory", "ram": "memory", "cpu": "cpu"}


def probe(env: Env) -> list[Sensor]:
    """What a line has and no file does."""
    if chips(env, "ina3221") or chips(env, "ina238"):
        return []
    if isinstance(env.commands, Installed) and shutil.which(PROGRAM) is None:
        return []
    source = _Source(env)
    try:
        line = parsed(source.line())
    except OSError:
        return []
    finally:
        source.close()
    known = _known(env)
    found = [
        _sensor(name, quantity)
        for name, quantity in line
        if known.isdisjoint({(name, quantity), ("", quantity)}) and not (quantity == "temperature" and _no_chip(name))
    ]
    return [*found, *_whole(env, [name for name, quantity in line if quantity == "power"])]


def reader(env: Env, sensors: list[Sensor]) -> Reader:
    """SI units; a line that did not come is a timeout of them all."""
    return _Reader(env, sensors)


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


def _sensor(name: str, quantity: str) -> Sensor:
    kind = KINDS[quantity]
    return Sensor(
        id=f"tegrastats/{name}/{quantity}",
        kind=kind,
        scope="rail" if quantity == "power" else "system" if quantity == "used" else "component",
        source="tegrastats",
        paths=(PROGRAM,),
        every_s=EVERY_S,
        slow=True,
        cost_s=EVERY_S,
        part=part_of(name) if quantity == "temperature" else PARTS.get(name, ""),
        includes=(name,) if quantity == "power" else (),
    )


def _whole(env: Env, rails: list[str]) -> Iterator[Sensor]:
    """The total of the module or board, and the input of a Thor's system."""
    rule = totals.total(totals.soc(env), rails)
    if rule is None:
        return
    yield _total(TOTAL_ID, rule.scope, rule.formula, rule.includes, rule.excludes)
    if totals.SYSTEM_SOC in rule.socs and totals.SYSTEM_RAIL in rails:
        yield _total("tegrastats/system/power", "system", totals.SYSTEM_RAIL, ("module", "carrier board"), ())


def _total(name: str, scope: str, formula: str, includes: tuple[str, ...], excludes: tuple[str, ...]) -> Sensor:
    return Sensor(
        id=name,
        kind="power_w",
        scope=scope,
        source="tegrastats",
        paths=(PROGRAM,),
        every_s=EVERY_S,
        slow=True,
        cost_s=EVERY_S,
        formula=formula,
        derived=True,
        includes=includes,
        excludes=excludes,
    )


class _Source:
    """Lines of the program: of the process here, or the last of a recording."""

    def __init__(self, env: Env) -> None:
        self._env = env
        live = isinstance(env.commands, Installed)
        self._lines = Lines([PROGRAM, "--interval", str(round(EVERY_S * 1000))]) if live else None

    def line(self) -> str:
        if self._lines is not None:
            return self._lines.newest(WAIT_S)
        lines = self._env.commands.run([PROGRAM]).stdout.strip().splitlines()
        return lines[-1] if lines else ""

    def close(self) -> None:
        if self._lines is not None:
            with contextlib.suppress(OSError):
                self._lines.close()


class _Reader:
    def __init__(self, env: Env, sensors: list[Sensor]) -> None:
        self._sensors = sensors
        self._source = _Source(env)

    def read(self) -> list[Reading]:
        if not self._sensors:
            return []
        try:
            line = parsed(self._source.line())
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
    if sensor.derived:
        names = sensor.formula.removeprefix("sum(").removesuffix(")").split(",")
        return sum(_said(line, name, "power") for name in names)
    _, name, quantity = sensor.id.split("/")
    return _said(line, name, quantity)


def _said(line: Line, name: str, quantity: str) -> float:
    if (name, quantity) not in line:
        raise LookupError(f"tegrastats says nothing of {name}" if line else "what tegrastats printed is no line of it")
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
