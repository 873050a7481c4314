"""Temperatures of the kernel's thermal zones, in millidegrees.

https://docs.kernel.org/driver-api/thermal/sysfs-api.html
"""

from __future__ import annotations

from pathlib import Path

from benchfleet.agent.sensors import Reading, Sensor, read_number

PLAUSIBLE_C = (-40.0, 150.0)


def probe(root: Path) -> list[Sensor]:
    """One sensor per zone, named by its type: zone numbers move between boots."""
    found: list[Sensor] = []
    seen: dict[str, int] = {}
    for zone in sorted((root / "sys/class/thermal").glob("thermal_zone*")):
        try:
            name = (zone / "type").read_text().strip()
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


def read(root: Path, sensors: list[Sensor]) -> list[Reading]:
    """Degrees Celsius; an absurd value is implausible, not a temperature."""
    readings = []
    for sensor in sensors:
        value, quality = read_number(root, sensor.path)
        if value is not None:
            value /= 1000
            if not PLAUSIBLE_C[0] <= value <= PLAUSIBLE_C[1]:
                value, quality = None, "implausible"
        readings.append(Reading(sensor_id=sensor.id, value=value, quality=quality))
    return readings
