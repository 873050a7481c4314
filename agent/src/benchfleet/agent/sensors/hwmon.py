"""Chips of /sys/class/hwmon that no other driver knows: temperatures, fans, power, energy, currents, labelled voltages.

hwmonN is another chip after each boot, so a chip is named by its `name` and the device it belongs to, and a channel by
its label: `hwmon/coretemp.0/Core 0/temperature`, `hwmon/k10temp-0000:00:18.3/Tctl/temperature`.

Left out are chips with a driver of their own (`_chips.py`), batteries and supplies (power_supply has them), and chips
that mirror a thermal zone: the kernel makes one, named as the zone with _ for -, of every zone that asks for it, and
thermal_zone reads that already. Where the zone itself is not there, the chip is read.

Power is microwatts, energy microjoules; what an unknown chip's power covers is not known, so it is a rail and stands
for no device, but for the meters of a platform (ACPI) that are known. Voltages without a label are pins of the chip and
say nothing. Of a processor of many cores the first 16 temperatures are read: each wakes a core, and the package's is
the highest of all.
https://docs.kernel.org/hwmon/sysfs-interface.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from benchfleet.agent.env import Env
from benchfleet.agent.sensors import Reader, Sensor, _chips
from benchfleet.agent.sensors._files import Files, first_number
from benchfleet.agent.sensors._parts import part_of

EVERY_S = 1.0
"""Of temperatures and fans."""
CELSIUS = (-40.0, 150.0)
"""Of a device; -273.15 and 65261.85 are how a chip says that it has none."""
CEILING = {"power_w": 1e5, "voltage_v": 1e3, "current_a": 1e4, "fan_rpm": 1e5}
CHANNEL = re.compile(r"(temp|fan|in|curr|power|energy)(\d+)_(input|average)")
CORES_MAX = 16
CHANNELS_MAX = 64
"""Of one chip, so that a board of many does not crowd out the others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sort:
    kind: str
    quantity: str
    per: float
    every_s: float


SORTS = {
    "temp": _Sort(kind="temperature_c", quantity="temperature", per=1e3, every_s=EVERY_S),
    "fan": _Sort(kind="fan_rpm", quantity="speed", per=1.0, every_s=EVERY_S),
    "in": _Sort(kind="voltage_v", quantity="voltage", per=1e3, every_s=0.0),
    "curr": _Sort(kind="current_a", quantity="current", per=1e3, every_s=0.0),
    "power": _Sort(kind="power_w", quantity="power", per=1e6, every_s=0.0),
    "energy": _Sort(kind="energy_j", quantity="energy", per=1e6, every_s=0.0),
}
PER = {sort.kind: sort.per for sort in SORTS.values()}
SYSTEM_METERS = ("power_meter",)
"""ACPI000D: what the whole platform draws, as its firmware says."""
SOCKETS = {"amd_energy": "Esocket", "fam15h_power": "power"}
"""Chips whose channels are CPU sockets where the label begins so; their other channels are cores, too many to read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Chip:
    folder: str
    name: str
    device: str
    place: str  # of the folder, links resolved

    @property
    def key(self) -> str:
        """Stays the same at each boot."""
        if not self.device or self.device == self.name:
            return self.name
        return self.device if self.name and self.device.startswith(self.name) else f"{self.name}-{self.device}"


def probe(env: Env) -> list[Sensor]:
    """What every chip shows; a second chip or channel of one name has a number."""
    found: list[Sensor] = []
    seen: dict[str, int] = {}
    zones = {_as_chip(env.files.text(f"{z}/type", "")) for z in env.files.glob("/sys/class/thermal/thermal_zone*")}
    for chip in _chips_of(env):
        if _chips.owner(chip.name) or chip.name in zones or "/power_supply/" in chip.place:
            continue
        channels = _channels(env, chip)
        if not channels:
            continue
        key = _numbered(chip.key.replace("/", "-"), seen)
        labels: dict[str, int] = {}
        for prefix, number, file in channels[:CHANNELS_MAX]:
            label = env.files.text(f"{chip.folder}/{prefix}{number}_label", "") or f"{prefix}{number}"
            label = _numbered("-".join(" ".join(label.split()).split("/")), labels, prefix)
            found.append(_sensor(env, chip, f"hwmon/{key}/{label}", prefix, number, file))
    return found


def reader(env: Env, sensors: list[Sensor]) -> Reader:
    """SI units; what no device can show is implausible."""
    return Files(env, sensors, _value)


def _chips_of(env: Env) -> Iterator[_Chip]:
    for folder in env.files.glob("/sys/class/hwmon/hwmon*"):
        place = env.files.link(folder)
        if "/thermal_zone" in place:
            continue
        at = folder if env.files.exists(f"{folder}/name") else f"{folder}/device"
        if not env.files.exists(f"{at}/name"):
            at = folder  # a chip without a name
        device = env.files.link(f"{folder}/device").rpartition("/")[2] if env.files.exists(f"{folder}/device") else ""
        parent = place.rpartition("/hwmon/")[0].rpartition("/")[2]
        device = device or ("" if parent in ("class", "virtual") else parent)
        name = env.files.text(f"{at}/name", "") or ("" if device else "unnamed")
        yield _Chip(folder=at, name=name, device=device, place=place)


def _channels(env: Env, chip: _Chip) -> list[tuple[str, int, str]]:
    """Kind, number and file of what is to be read, in order; of power its reading before its mean."""
    found: dict[tuple[str, int], str] = {}
    for name in env.files.names(chip.folder):
        match = CHANNEL.fullmatch(name)
        if match and (match[3] == "input" or match[1] == "power"):
            key = match[1], int(match[2])
            found[key] = name if match[3] == "input" else found.get(key, name)
    cores = 0
    kept = []
    for (prefix, number), name in sorted(found.items(), key=lambda item: (list(SORTS).index(item[0][0]), item[0][1])):
        label = env.files.text(f"{chip.folder}/{prefix}{number}_label", "")
        cores += label.startswith("Core ")
        socket = SOCKETS.get(chip.name)
        if (prefix == "in" and not label) or (label.startswith("Core ") and cores > CORES_MAX):
            continue
        if socket and label and not label.startswith(socket):
            continue
        kept.append((prefix, number, name))
    return kept


def _sensor(env: Env, chip: _Chip, name: str, prefix: str, number: int, file: str) -> Sensor:
    sort = SORTS[prefix]
    mean = file.endswith("_average")
    return Sensor(
        id=f"{name}/{sort.quantity}",
        kind=sort.kind,
        scope=_scope(chip, prefix),
        source="hwmon",
        paths=(f"{chip.folder}/{file}",),
        semantics="counter" if prefix == "energy" else "gauge",
        every_s=sort.every_s,
        window_s=_seconds(env, f"{chip.folder}/power{number}_average_interval") if mean else None,
        update_s=_seconds(env, f"{chip.folder}/update_interval"),
        part=_part(chip, name) if prefix == "temp" else "",
        critical=_critical_c(env, f"{chip.folder}/temp{number}_crit") if prefix == "temp" else None,
        rank=10 if prefix == "energy" else 30 if mean else 20,
    )


def _scope(chip: _Chip, prefix: str) -> str:
    if prefix in ("temp", "fan"):
        return "component"
    if chip.name in SYSTEM_METERS and prefix in ("power", "energy"):
        return "system"
    return "component" if chip.name in SOCKETS and prefix in ("power", "energy") else "rail"


def _part(chip: _Chip, name: str) -> str:
    if "/net/" in chip.place or "mdio" in f"{chip.place} {chip.name}":
        return "network"
    return part_of(chip.name) or part_of(name)


def _seconds(env: Env, path: str) -> float | None:
    """Of a file in milliseconds; None where there is none, or it says none."""
    try:
        return float(env.files.text(path)) / 1e3 or None
    except (OSError, ValueError):
        return None


def _critical_c(env: Env, path: str) -> float | None:
    seconds = _seconds(env, path)  # thousandths, too
    return seconds if seconds is not None and 0 < seconds <= CELSIUS[1] else None


def _numbered(name: str, seen: dict[str, int], kind: str = "") -> str:
    seen[kind + name] = seen.get(kind + name, 0) + 1
    return name if seen[kind + name] == 1 else f"{name}-{seen[kind + name]}"


def _as_chip(zone: str) -> str:
    """What the kernel calls the chip that mirrors a zone (drivers/thermal/thermal_hwmon.c)."""
    return zone.replace("-", "_")


def _value(sensor: Sensor, text: bytes) -> float:
    value = first_number(sensor, text) / PER[sensor.kind]
    if sensor.kind == "temperature_c":
        if not CELSIUS[0] <= value <= CELSIUS[1]:
            raise ValueError(f"{value:g} degC is no temperature of a device")
        return value
    high = CEILING.get(sensor.kind, float("inf"))
    low = -high if sensor.kind in ("voltage_v", "current_a", "power_w") else 0.0
    if not low <= value <= high:
        raise ValueError(f"{value:g} {sensor.unit} is no reading of a device")
    return value
