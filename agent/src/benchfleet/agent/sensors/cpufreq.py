"""Clock of each CPU as the kernel sets it, in kHz.

https://docs.kernel.org/admin-guide/pm/cpufreq.html
"""

from __future__ import annotations

from benchfleet.agent.env import Env
from benchfleet.agent.sensors import Reader, Sensor
from benchfleet.agent.sensors._files import Files, first_number


def probe(env: Env) -> list[Sensor]:
    """One sensor per frequency domain."""
    return [
        Sensor(
            id=f"cpufreq/{policy.rpartition('/')[2]}",
            kind="clock_hz",
            scope="component",
            source="sysfs",
            paths=(f"{policy}/scaling_cur_freq",),
        )
        for policy in env.files.glob("/sys/devices/system/cpu/cpufreq/policy*")
    ]


def reader(env: Env, sensors: list[Sensor]) -> Reader:
    """Hertz."""
    return Files(env, sensors, lambda sensor, text: first_number(sensor, text) * 1000)
