"""Graphics cards and accelerators of a PCI bus, by their address, with the chips of hwmon that belong to them.

cardN and hwmonN change between boots; 0000:03:00.0 stays. A device is found by its folder in /sys/class/drm or
/sys/class/accel, and where a recording has only its chip, by that.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Collection
from dataclasses import dataclass, field

from benchfleet.agent.env import Env

ADDRESS = re.compile(r"[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]")


@dataclass(slots=True, kw_only=True)
class Card:
    """`folder` is the PCI device, `node` the folder of its class, empty where only a chip was found."""

    key: str
    folder: str
    node: str = ""
    chips: list[str] = field(default_factory=list)

    def first(self, env: Env, *files: str) -> str:
        """The first of some files that is there, below the node, the device, or a chip; empty where none is."""
        places = [place for place in (self.node, self.folder, *self.chips) if place]
        return next((path for file in files for place in places if env.files.exists(path := f"{place}/{file}")), "")


def cards(env: Env, pattern: str, vendor: str, chips: Collection[str]) -> list[Card]:
    """Devices of a class folder ("/sys/class/drm/card[0-9]*") and vendor, and those behind chips of these names."""
    found: dict[str, Card] = {}
    for node in env.files.glob(pattern):
        folder = env.files.link(f"{node}/device")
        if "-" in node.rpartition("/")[2] or env.files.text(f"{folder}/vendor", vendor) != vendor:
            continue  # a connector, or another maker's
        own = env.files.glob(f"{folder}/hwmon/hwmon*")
        named = {env.files.text(f"{chip}/name", "") for chip in own}
        if env.files.exists(f"{folder}/vendor") or named & set(chips):
            found[folder] = Card(key=_key(folder, node), folder=folder, node=node, chips=own)
    for chip in env.files.glob("/sys/class/hwmon/hwmon*"):
        if env.files.text(f"{chip}/name", "") in chips:
            folder = env.files.link(f"{chip}/device") if env.files.exists(f"{chip}/device") else _above(env, chip)
            if folder not in found:
                found[folder] = Card(key=_key(folder, ""), folder=folder, chips=[chip])
    return _distinct(list(found.values()))


def number(env: Env, path: str) -> float | None:
    """What a file begins with; None where it has no number."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        return float(env.files.text(path).split(None, 1)[0])
    return None


def critical_c(env: Env, path: str) -> float | None:
    """Of a file in millidegrees, as a chip's tempN_crit; None where it says none that can be."""
    value = number(env, path)
    return value / 1000 if value is not None and 0 < value <= 150_000 else None


def _above(env: Env, chip: str) -> str:
    return env.files.link(chip).rpartition("/hwmon/")[0]


def _key(folder: str, node: str) -> str:
    name = folder.rpartition("/")[2]
    return name if ADDRESS.fullmatch(name) else node.rpartition("/")[2]


def _distinct(found: list[Card]) -> list[Card]:
    """Where a recording lost the addresses, devices are numbered."""
    keys: set[str] = set()
    for index, card in enumerate(found):
        if not card.key or card.key in keys:
            card.key = f"{card.key or 'card'}-{index}"
        keys.add(card.key)
    return found
