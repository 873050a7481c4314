"""Load and memory of the host, from /proc.

https://docs.kernel.org/filesystems/proc.html
"""

from __future__ import annotations

from pathlib import Path

from benchfleet.agent.sensors import Reading, Sensor, read_number


def probe(root: Path) -> list[Sensor]:
    """What of the two files is there."""
    found = []
    if (root / "proc/loadavg").exists():
        found.append(Sensor(id="procfs/load_1min", kind="load", scope="system", source="procfs", path="/proc/loadavg"))
    if (root / "proc/meminfo").exists():
        found.append(
            Sensor(id="procfs/memory_used", kind="memory_bytes", scope="system", source="procfs", path="/proc/meminfo")
        )
    return found


def read(root: Path, sensors: list[Sensor]) -> list[Reading]:
    """Load as the kernel counts it; memory used = total - available."""
    readings = []
    for sensor in sensors:
        value, quality = read_number(root, sensor.path) if sensor.kind == "load" else _memory(root, sensor.path)
        readings.append(Reading(sensor_id=sensor.id, value=value, quality=quality))
    return readings


def _memory(root: Path, path: str) -> tuple[float | None, str]:
    try:
        lines = (root / path.lstrip("/")).read_text().splitlines()
        fields = {line.split(":")[0]: int(line.split()[1]) for line in lines if line.split()[1:]}
        return float((fields["MemTotal"] - fields["MemAvailable"]) * 1024), "ok"
    except (OSError, KeyError, ValueError, IndexError):
        return None, "lost"
