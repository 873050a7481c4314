"""Batteries of the device, and whether mains feeds it: /sys/class/power_supply, in micro-units.

Power and current of a battery are positive when it is discharged: that is what the device takes. Drivers do not agree
on the sign, so only the amount is believed, and the direction is that of `status`; where status names none (Unknown,
Not charging, Full) and something flows, nothing is said.

While nothing else feeds the device and a battery is being discharged, all batteries together give what the whole system
takes, screen included: `power_supply/system/power`. On mains it is None, since a battery then gives nothing, or only
what the mains does not; so the power of one battery is partial, and stands for nothing that was used. Batteries of mice
and pens are not the system's. What a USB-C source shows was negotiated, not measured: it tells whether it feeds, and no
watt.
https://www.kernel.org/doc/Documentation/ABI/testing/sysfs-class-power
"""

from __future__ import annotations

from dataclasses import replace

from benchfleet.agent.env import Env
from benchfleet.agent.sensors import Reader, Sensor
from benchfleet.agent.sensors._files import Files, Unread

ROOT = "/sys/class/power_supply"
EVERY_S = 1.0
"""The firmware of a laptop makes a new value every second or more rarely, and takes milliseconds to give it."""
STATUSES = {"Charging": -1.0, "Discharging": 1.0, "Not charging": 0.0, "Full": 0.0, "Unknown": 0.0}
"""What is given by the battery, as a sign; 0 where that is not said."""
MICRO_HOURS = 3600e-6
"""Of µWh in J, and of µAh in C."""
PLAUSIBLE_C = (-40.0, 150.0)
POWER_MAX_W = 10_000.0
MAINS = "fed by {}: what a battery gives now is not what the system takes"


def probe(env: Env) -> list[Sensor]:
    """Each battery of the system with what it has, their sum as that of the system, and each other supply's state."""
    supplies = [path for path in env.files.glob(f"{ROOT}/*") if env.files.exists(f"{path}/type")]
    batteries = [path for path in supplies if is_battery(env, path)]
    if not batteries:
        return []
    others = [path for path in supplies if _feeds(env, path)]
    found = [sensor for path in batteries for sensor in _battery(env, path)]
    powers = [sensor for sensor in found if sensor.kind == "power_w"]
    names = [path.rpartition("/")[2] for path in batteries]
    if len(powers) == len(batteries):
        paths = [path for sensor in powers for path in sensor.paths] + [f"{path}/online" for path in others]
        found.append(
            replace(
                powers[0],
                id="power_supply/system/power",
                scope="system",
                paths=tuple(dict.fromkeys(paths)),
                derived=True,
                formula=f"sum({','.join(names)})",
                includes=("all that the batteries feed, such as the screen",),
                excludes=("loss in the batteries",),
            )
        )
    return [*found, *(_online(path) for path in others)]


def reader(env: Env, sensors: list[Sensor]) -> Reader:
    """Of each file one text a reading, so that a sum is of the same values as its parts."""
    return Files(env, sensors, _value)


def is_battery(env: Env, path: str) -> bool:
    """Whether it feeds the system; `scope` Device is the battery of a mouse."""
    return env.files.text(f"{path}/type", "") == "Battery" and env.files.text(f"{path}/scope", "") != "Device"


def _feeds(env: Env, path: str) -> bool:
    kind = env.files.text(f"{path}/type", "")
    mine = env.files.text(f"{path}/scope", "") != "Device"
    return mine and kind not in ("Battery", "UPS", "") and env.files.exists(f"{path}/online")


def _battery(env: Env, path: str) -> list[Sensor]:
    def has(*files: str) -> bool:
        return all(env.files.exists(f"{path}/{file}") for file in files)

    status = _sensor(path, "status", "health", "status")
    listed = [replace(status, semantics="state")] if has("status") else []
    if has("status", "power_now"):
        listed.append(_sensor(path, "power", "power_w", "status", "power_now"))
    elif has("status", "voltage_now", "current_now"):
        power = _sensor(path, "power", "power_w", "status", "voltage_now", "current_now")
        listed.append(replace(power, derived=True, formula="V*I"))
    if has("status", "current_now"):
        listed.append(_sensor(path, "current", "current_a", "status", "current_now"))
    single = (
        ("voltage", "voltage_v", "voltage_now"),
        ("energy", "stored_energy_j", "energy_now"),
        ("charge", "stored_charge_coulomb", "charge_now"),
        ("level", "charge_ratio", "capacity"),
        ("temperature", "temperature_c", "temp"),
    )
    return [*listed, *(_sensor(path, name, kind, file) for name, kind, file in single if has(file))]


def _sensor(path: str, name: str, kind: str, *files: str) -> Sensor:
    return Sensor(
        id=f"power_supply/{path.rpartition('/')[2]}/{name}",
        kind=kind,
        scope="partial" if kind == "power_w" else "component",
        source="sysfs",
        paths=tuple(f"{path}/{file}" for file in files),
        part="battery" if kind == "temperature_c" else "",
        every_s=EVERY_S,
        slow=True,
        rank=30,
    )


def _online(path: str) -> Sensor:
    return replace(_sensor(path, "online", "health", "online"), semantics="state")


def _value(sensor: Sensor, *texts: bytes) -> float | str:
    said = {path: text.decode(errors="replace").strip() for path, text in zip(sensor.paths, texts, strict=True)}
    if sensor.id == "power_supply/system/power":
        return _system(said)
    values = list(said.values())
    name = sensor.id.rpartition("/")[2]
    if name == "status":
        _sign(values[0])
        return values[0]
    if name == "online":
        return "online" if _is_online(values[0]) else "offline"
    if name == "power":
        return _signed(values[0], _power(values[1:]), "W")
    if name == "current":
        return _signed(values[0], float(values[1]) / 1e6, "A")
    number = float(values[0])
    if name == "temperature":
        return _plausible(number / 10, *PLAUSIBLE_C, "degC")
    scale = {"voltage": 1e-6, "level": 0.01, "energy": MICRO_HOURS, "charge": MICRO_HOURS}[name]
    return _plausible(number * scale, 0.0, 1.0 if name == "level" else float("inf"), sensor.unit)


def _system(said: dict[str, str]) -> float:
    """The sum over all batteries, while they are all that feeds the system."""
    supplies: dict[str, dict[str, str]] = {}
    for path, text in said.items():
        folder, _, file = path.rpartition("/")
        supplies.setdefault(folder, {})[file] = text
    feeding = [
        p.rpartition("/")[2] for p, files in supplies.items() if "online" in files and _is_online(files["online"])
    ]
    if feeding:
        raise Unread("unsupported", MAINS.format(", ".join(feeding)))
    batteries = [files for files in supplies.values() if "status" in files]
    if not any(_sign(files["status"]) > 0 for files in batteries):
        raise Unread("unsupported", "no battery says that it is discharged, so what feeds the system is not known")
    powers = [_power([text for file, text in each.items() if file != "status"]) for each in batteries]
    taken_w = sum(_signed(each["status"], power, "W") for each, power in zip(batteries, powers, strict=True))
    if taken_w <= 0:
        raise Unread("implausible", f"{taken_w:g} W for a system that runs on its battery")
    return taken_w


def _power(micro: list[str]) -> float:
    """Of power_now, or of voltage_now and current_now."""
    value = 1.0
    for text in micro:
        value *= float(text) / 1e6
    return _plausible(value, -POWER_MAX_W, POWER_MAX_W, "W")


def _signed(status: str, amount: float, unit: str) -> float:
    sign = _sign(status)
    if not sign and amount:
        raise Unread("unsupported", f"{abs(amount):g} {unit} flow, and by its status ({status}) in no direction")
    return sign * abs(amount) if sign else 0.0


def _sign(status: str) -> float:
    if status not in STATUSES:
        raise Unread("lost", f"{status[:40]!r} is no status of a battery")
    return STATUSES[status]


def _is_online(text: str) -> bool:
    """1: online at a fixed voltage, 2: at one that it may choose."""
    if text not in ("0", "1", "2"):
        raise Unread("lost", f"{text[:40]!r} says nothing of whether it feeds")
    return text != "0"


def _plausible(value: float, low: float, high: float, unit: str) -> float:
    if not low <= value <= high:
        raise ValueError(f"{value:g} {unit} is none of a battery")
    return value
