"""Current monitors of the INA219 and INA226 families by hwmon: in1_input mV, curr1_input mA, power1_input uW.

The chip's own power has no sign, so power is V*I: a battery that is drained by 40 mA reads -0.17 W there and +0.18 W
in power1_input, which is kept beside it to be compared. What the shunt carries (a rail, a battery, the supply of the
board) nobody knows but who soldered it: it is a rail, unless its user says otherwise:

    benchfleet-agent bench model.onnx --meter ina2xx://1-0040#scope=board

1-0040 is its place on the I2C bus, as `probe` shows it.
https://www.kernel.org/doc/html/latest/hwmon/ina2xx.html
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchfleet.agent.env import Env
from benchfleet.agent.sensors import Reader, Sensor
from benchfleet.agent.sensors import _meter as meter
from benchfleet.agent.sensors._chips import owner
from benchfleet.agent.sensors._files import Files, Unread, first_number
from benchfleet.agent.sensors._ina import Chip, chips

VOLTS_MAX, AMPS_MAX = 103.0, 500.0
"""The registers of the widest of them end at 102.4 V; no shunt of a board carries more."""
MILLI = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """Steps of its registers: volts of the bus, and volts across the shunt."""

    bus_v: float
    shunt_v: float


FAMILIES = {
    "ina219": Family(bus_v=4e-3, shunt_v=10e-6),
    "ina220": Family(bus_v=4e-3, shunt_v=10e-6),
    "ina226": Family(bus_v=1.25e-3, shunt_v=2.5e-6),
    "ina230": Family(bus_v=1.25e-3, shunt_v=2.5e-6),
    "ina231": Family(bus_v=1.25e-3, shunt_v=2.5e-6),
    "ina260": Family(bus_v=1.25e-3, shunt_v=2.5e-6),
}
"""By the name of the chip; what is not here has steps that are not known."""
SHUNT_260_OHM = 0.002
"""Inside the chip."""


def probe(env: Env) -> list[Sensor]:
    """Power, voltage, current and the chip's own power of each chip."""
    declared = {address.host: address for address in meter.addresses(env, "ina2xx")} if env.meters else {}
    return [s for chip, name in _chips(env) for s in _sensors(env, chip, name, declared.get(chip.address))]


def found(env: Env, address: meter.Address) -> list[Sensor]:
    """The sensors of the chip that an address names."""
    for chip, name in _chips(env):
        if chip.address == address.host:
            return list(_sensors(env, chip, name, address))
    there = ", ".join(chip.address for chip, _ in _chips(env)) or "none"
    raise Unread("lost", f"no such chip at {address.host}; there are: {there}")


def reader(env: Env, sensors: list[Sensor]) -> Reader:
    """Watts with their sign, volts and amperes."""
    return Files(env, sensors, _value)


def _chips(env: Env) -> list[tuple[Chip, str]]:
    named = [(chip, env.files.text(f"{chip.folder}/name", "")) for chip in chips(env, "ina2") if chip.kind == "hwmon"]
    return [(chip, name) for chip, name in named if owner(name) == "ina2xx"]


def _sensors(env: Env, chip: Chip, name: str, said: meter.Address | None) -> Iterator[Sensor]:
    label = (said.name if said else "") or chip.address
    volts, amps, watts = (f"{chip.folder}/{file}" for file in ("in1_input", "curr1_input", "power1_input"))
    step_v, step_a = _steps(env, chip, name)
    interval_ms = _number(env, f"{chip.folder}/update_interval")
    bus_v = _number(env, volts)
    window_s = interval_ms * MILLI if interval_ms else None
    step_w = step_a * bus_v * MILLI if step_a and bus_v else None
    for quantity, kind, paths, step, formula in (
        ("power", "power_w", (volts, amps), step_w, "V*I"),
        ("voltage", "voltage_v", (volts,), step_v, ""),
        ("current", "current_a", (amps,), step_a, ""),
        ("power_unsigned", "power_w", (watts,), None, ""),
    ):
        if all(env.files.exists(path) for path in paths):
            yield Sensor(
                id=f"ina2xx/{label}/{quantity}",
                kind=kind,
                scope=(said.scope if said and quantity == "power" else "") or "rail",
                source=name,
                paths=paths,
                update_s=window_s,
                window_s=window_s,
                resolution=step,
                formula=formula,
                derived=bool(formula),
                excludes=("the sign of the current",) if quantity == "power_unsigned" else (),
                rank=40 if quantity == "power_unsigned" else 20,
            )


def _steps(env: Env, chip: Chip, name: str) -> tuple[float | None, float | None]:
    """Of volts and amperes; the files have no smaller one than a thousandth."""
    family = next((family for known, family in FAMILIES.items() if name.startswith(known)), None)
    if family is None:
        return None, None
    shunt_uohm = _number(env, f"{chip.folder}/shunt_resistor")
    shunt_ohm = SHUNT_260_OHM if name.startswith("ina260") else shunt_uohm * 1e-6 if shunt_uohm else None
    return max(family.bus_v, MILLI), max(family.shunt_v / shunt_ohm, MILLI) if shunt_ohm else None


def _number(env: Env, path: str) -> float | None:
    try:
        return float(env.files.text(path))
    except (OSError, ValueError):
        return None


def _value(sensor: Sensor, *texts: bytes) -> float:
    if sensor.id.endswith("/power_unsigned"):
        return _plausible(first_number(sensor, texts[0]) * 1e-6, VOLTS_MAX * AMPS_MAX)
    volts_or_amps: Sequence[float] = [first_number(sensor, text) * MILLI for text in texts]
    if sensor.kind == "power_w":
        return _plausible(volts_or_amps[0], VOLTS_MAX) * _plausible(volts_or_amps[1], AMPS_MAX)
    return _plausible(volts_or_amps[0], VOLTS_MAX if sensor.kind == "voltage_v" else AMPS_MAX)


def _plausible(value: float, most: float) -> float:
    if not abs(value) <= most:
        raise ValueError(f"{value:g} is more than such a chip can show")
    return value
