"""The battery of a device: what is in it, as its owner says, and whether one is there, from /sys.

https://docs.kernel.org/power/power_supply_class.html
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Mapping
from pathlib import Path

LABEL = "battery_wh"
"""Of the device: watt hours of its battery, `benchfleet-agent run --label battery_wh=50`."""


def battery_wh(labels: Mapping[str, str]) -> float | None:
    """The capacity by label; None where there is none, or none that can be."""
    with contextlib.suppress(ValueError):
        found = float(labels.get(LABEL, ""))
        return found if 0 < found < math.inf else None
    return None


def batteries(root: Path = Path("/")) -> dict[str, str]:
    """Name and status (Charging, Discharging, Full ...) of each that feeds the device; no mouse, no empty bay."""
    found = {}
    for supply in sorted((root / "sys/class/power_supply").glob("*")):
        facts = {}
        for name in ("type", "scope", "present", "status"):
            with contextlib.suppress(OSError, UnicodeError):
                facts[name] = (supply / name).read_text().strip()
        if facts.get("type") in ("Battery", "UPS") and facts.get("scope") != "Device" and facts.get("present") != "0":
            found[supply.name] = facts.get("status", "Unknown")
    return found
