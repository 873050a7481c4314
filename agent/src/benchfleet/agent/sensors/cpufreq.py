"""Clock of each CPU as the kernel sets it, in kHz.

https://docs.kernel.org/admin-guide/pm/cpufreq.html
"""

from __future__ import annotations

from pathlib import Path

from benchfleet.agent.sensors import Reader, Sensor
from benchfleet.agent.sensors._files import Files, first_number


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


def reader(root: Path, sensors: list[Sensor]) -> Reader:
    """Hertz."""
    return Files(root, sensors, lambda sensor, text: first_number(sensor, text) * 1000)
