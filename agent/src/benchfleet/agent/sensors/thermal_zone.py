"""Temperatures of the kernel's thermal zones, in millidegrees.

https://docs.kernel.org/driver-api/thermal/sysfs-api.html
"""

from __future__ import annotations

from pathlib import Path

from benchfleet.agent.sensors import Reader, Sensor
from benchfleet.agent.sensors._files import Files, first_number

PLAUSIBLE_C = (-40.0, 150.0)


def probe(root: Path) -> list[Sensor]:
    """One sensor per zone, named by its type: zone numbers move between boots."""
    found: list[Sensor] = []
    seen: dict[str, int] = {}
    for zone in sorted((root / "sys/class/thermal").glob("thermal_zone*")):
        try:
            name = (zone / "type").read_text(errors="replace").strip()
        except OSError:
            continue
        path = f"/sys/class/thermal/{zone.name}/temp"
        seen[name] = seen.get(name, 0) + 1
        if seen[name] > 1:  # boards with two zones of one type exist
            name = f"{name}-{seen[name]}"
        found.append(
            Sensor(id=f"thermal_zone/{name}", kind="temperature_c", scope="component", source="sysfs", path=path)
        )
    return found


def reader(root: Path, sensors: list[Sensor]) -> Reader:
    """Degrees Celsius; an absurd value is implausible, not a temperature."""
    return Files(root, sensors, _celsius)


def _celsius(sensor: Sensor, text: bytes) -> float:
    value_c = first_number(sensor, text) / 1000
    if not PLAUSIBLE_C[0] <= value_c <= PLAUSIBLE_C[1]:
        raise ValueError(f"{value_c} degC")
    return value_c
