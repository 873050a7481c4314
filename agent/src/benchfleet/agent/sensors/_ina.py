"""Where the current monitors of a board are (INA3221, INA238): by their place on the I2C bus, which a reboot keeps.

One chip is found by several ways (the bus, its driver, the classes hwmon and iio) and is taken once.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from benchfleet.agent.env import Env

ADDRESS = re.compile(r"\d+-[0-9a-f]{4}")
FOLDERS = {
    "hwmon": ("/sys/bus/i2c/devices/*/hwmon/hwmon*", "/sys/bus/i2c/drivers/{}*/*-*/hwmon/hwmon*", "/sys/class/hwmon/*"),
    "iio": ("/sys/bus/i2c/devices/*/iio:device*", "/sys/bus/i2c/drivers/{}*/*-*/iio:device*", "/sys/bus/iio/devices/*"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Chip:
    """`address` is bus and address, 1-0040; `folder` has its files, in the layout of `kind`: hwmon or iio."""

    address: str
    folder: str
    kind: str


def chips(env: Env, name: str) -> list[Chip]:
    """All whose name begins with this one; those without an address on a bus are numbered."""
    found: dict[str, Chip] = {}
    seen: set[str] = set()
    for kind, patterns in FOLDERS.items():
        for folder in (folder for pattern in patterns for folder in env.files.glob(pattern.format(name))):
            number = folder.rpartition("/")[2]  # hwmon3 is one chip, wherever it is shown
            if number in seen or not _named(env, folder, name):
                continue
            seen.add(number)
            address = _address(env, folder) or f"chip{len(found) + 1}"
            found.setdefault(address, Chip(address=address, folder=folder, kind=kind))
    return [found[address] for address in sorted(found, key=_place)]


def _named(env: Env, folder: str, name: str) -> bool:
    """Whether the folder, or the device that it belongs to, has the name; or stands below a driver of that name."""
    files = (f"{folder}/name", f"{folder}/device/name", f"{_owner(folder)}/name")
    told = next((text for file in files if (text := env.files.text(file, ""))), "")
    return told.startswith(name) if told else f"/drivers/{name}" in folder


def _owner(folder: str) -> str:
    return folder.rpartition("/")[0].removesuffix("/hwmon")


def _address(env: Env, folder: str) -> str | None:
    """Its place on the bus: of the path, or of the device that a class leads to."""
    for path in (folder, env.files.link(f"{folder}/device"), env.files.link(folder)):
        parts = [part for part in path.split("/") if ADDRESS.fullmatch(part)]
        if parts:
            return parts[-1]
    return None


def _place(address: str) -> tuple[int, str]:
    bus = address.partition("-")[0]
    return (int(bus) if bus.isdigit() else 1000), address
