"""Clock of each CPU as the kernel sets it, in kHz.

https://docs.kernel.org/admin-guide/pm/cpufreq.html
"""

from __future__ import annotations

from pathlib import Path

from benchfleet.agent.sensors import Reading, Sensor, read_number


def probe(root: Path) -> list[Sensor]:
    """One sensor per frequency domain."""
    return [
        Sensor(
            id=f"cpufreq/{policy.name}",
            kind="clock_hz",
            scope="component",
            source="sysfs",
            path=f"/sys/devices/system/cpu/cpufreq/{policy.name}/scaling_cur_freq",
        )
        for policy in sorted((root / "sys/devices/system/cpu/cpufreq").glob("policy*"))
    ]


def read(root: Path, sensors: list[Sensor]) -> list[Reading]:
    """Hertz."""
    readings = []
    for sensor in sensors:
        value, quality = read_number(root, sensor.path)
        readings.append(Reading(sensor_id=sensor.id, value=None if value is None else value * 1000, quality=quality))
    return readings
