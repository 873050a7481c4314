"""Current monitors TI INA238 by hwmon: in1_input mV, curr1_input mA, power1_input uW.

On an AGX Thor one stands on the carrier board in front of everything: VIN, the whole system with whatever hangs behind
its shunt. Its files name no rail there, so a single one of a Thor is VIN. On any other board it is a rail.
https://www.kernel.org/doc/html/latest/hwmon/ina238.html, https://forums.developer.nvidia.com/t/366461
"""

from __future__ import annotations

from collections.abc import Iterator

from benchfleet.agent.env import Env
from benchfleet.agent.sensors import Reader, Sensor
from benchfleet.agent.sensors import _jetson_totals as totals
from benchfleet.agent.sensors._files import Files, first_number
from benchfleet.agent.sensors._ina import Chip, chips
from benchfleet.agent.sensors._ina3221_rails import interval_s, listed

EVERY_S = 0.05
STEP_V = 0.003125
QUANTITIES = (
    ("power", "power_w", "power1_input", 1e6, 20_000.0),
    ("voltage", "voltage_v", "in1_input", 1e3, 103.0),  # the register ends at 102.4 V
    ("current", "current_a", "curr1_input", 1e3, 350.0),
)
"""Name, kind, file, how many of its units make one, and what no such chip can show."""
SCALES = {kind: (scale, limit) for _, kind, _, scale, limit in QUANTITIES}


def probe(env: Env) -> list[Sensor]:
    """Three sensors a chip."""
    found = [chip for chip in chips(env, "ina238") if chip.kind == "hwmon"]
    system = len(found) == 1 and _is_thor(env)
    return [sensor for chip in found for sensor in _sensors(env, chip, system)]


def reader(env: Env, sensors: list[Sensor]) -> Reader:
    """Watts, volts and amperes."""
    return Files(env, sensors, _value)


def _is_thor(env: Env) -> bool:
    """By the chip; where that is not told, by the rails of its module."""
    chip = totals.soc(env)
    if chip is not None:
        return chip == totals.SYSTEM_SOC
    rule = totals.total(None, [rail.name for rail in listed(env)])
    return rule is not None and totals.SYSTEM_SOC in rule.socs


def _sensors(env: Env, chip: Chip, system: bool) -> Iterator[Sensor]:
    label = env.files.text(f"{chip.folder}/in1_label", "") or env.files.text(f"{chip.folder}/power1_label", "")
    name = label or (totals.SYSTEM_RAIL if system else "ch1")
    whole = system and name == totals.SYSTEM_RAIL
    window_s = interval_s(env, chip.folder)
    for quantity, kind, file, _, _ in QUANTITIES:
        if not env.files.exists(f"{chip.folder}/{file}"):
            continue
        is_total = whole and kind == "power_w"
        yield Sensor(
            id=f"ina238/{chip.address}/{name}/{quantity}",
            kind=kind,
            scope="system" if is_total else "rail",
            source="ina238",
            paths=(f"{chip.folder}/{file}",),
            every_s=max(EVERY_S, window_s or 0.0),
            update_s=window_s,
            window_s=window_s,
            resolution=STEP_V if kind == "voltage_v" else None,
            formula=name if is_total else "",
            includes=("module", "carrier board", "what hangs behind the shunt") if is_total else (name,),
        )


def _value(sensor: Sensor, text: bytes) -> float:
    scale, limit = SCALES[sensor.kind]
    value = first_number(sensor, text) / scale
    if not abs(value) <= limit:
        raise ValueError(f"{value:g} {sensor.unit} is more than this chip can measure")
    return value
