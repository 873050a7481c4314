"""Pressure: the share of the last 10 s in which some task waited for a CPU, memory or I/O.

https://docs.kernel.org/accounting/psi.html
"""

from __future__ import annotations

from benchfleet.agent.env import Env
from benchfleet.agent.sensors import Reader, Sensor
from benchfleet.agent.sensors._files import Files

EVERY_S = 2.0
"""PSI_FREQ in the kernel's kernel/sched/psi.c: the averages are made anew every two seconds."""
RESOURCES = ("cpu", "memory", "io")


def probe(env: Env) -> list[Sensor]:
    """One sensor per resource the kernel accounts; none where it was built without."""
    return [
        Sensor(
            id=f"psi/{name}",
            kind="pressure_ratio",
            scope="system",
            source="procfs",
            paths=(f"/proc/pressure/{name}",),
            every_s=EVERY_S,
        )
        for name in RESOURCES
        if env.files.exists(f"/proc/pressure/{name}")
    ]


def reader(env: Env, sensors: list[Sensor]) -> Reader:
    """Ratios from 0 to 1; the kernel writes percent."""
    return Files(env, sensors, lambda _, text: float(text.split(b"avg10=", 1)[1].split(None, 1)[0]) / 100)
