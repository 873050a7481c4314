"""Pressure: the share of the last 10 s in which some task waited for a CPU, memory or I/O.

https://docs.kernel.org/accounting/psi.html
"""

from __future__ import annotations

from pathlib import Path

from benchfleet.agent.sensors import Reading, Sensor

RESOURCES = ("cpu", "memory", "io")


def probe(root: Path) -> list[Sensor]:
    """One sensor per resource the kernel accounts; none where it was built without."""
    return [
        Sensor(id=f"psi/{name}", kind="pressure_ratio", scope="system", source="procfs", path=f"/proc/pressure/{name}")
        for name in RESOURCES
        if (root / "proc/pressure" / name).exists()
    ]


def read(root: Path, sensors: list[Sensor]) -> list[Reading]:
    """Ratios from 0 to 1; the kernel writes percent."""
    readings = []
    for sensor in sensors:
        value, quality = _some(root / sensor.path.lstrip("/"))
        readings.append(Reading(sensor_id=sensor.id, value=value, quality=quality))
    return readings


def _some(path: Path) -> tuple[float | None, str]:
    try:
        return float(path.read_text().split("avg10=")[1].split()[0]) / 100, "ok"
    except PermissionError:
        return None, "denied"
    except (OSError, IndexError, ValueError):
        return None, "lost"
