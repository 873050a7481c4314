"""Load and memory of the host, from /proc.

https://docs.kernel.org/filesystems/proc.html
"""

from __future__ import annotations

from benchfleet.agent.env import Env
from benchfleet.agent.sensors import Reader, Sensor
from benchfleet.agent.sensors._files import Files, first_number

LOAD_EVERY_S = 5.0
"""LOAD_FREQ in the kernel's include/linux/sched/loadavg.h."""

MEMORY_EVERY_S = 1.0
"""The peak of a model is the runner's to tell; this is the host's level, and the costliest file of all to make."""


def probe(env: Env) -> list[Sensor]:
    """What of the two files is there."""
    found = []
    if env.files.exists("/proc/loadavg"):
        found.append(
            Sensor(
                id="procfs/load_1min",
                kind="load",
                scope="system",
                source="procfs",
                paths=("/proc/loadavg",),
                every_s=LOAD_EVERY_S,
            )
        )
    if env.files.exists("/proc/meminfo"):
        found.append(
            Sensor(
                id="procfs/memory_used",
                kind="memory_bytes",
                scope="system",
                source="procfs",
                paths=("/proc/meminfo",),
                every_s=MEMORY_EVERY_S,
            )
        )
    return found


def reader(env: Env, sensors: list[Sensor]) -> Reader:
    """Load as the kernel counts it; memory used = total - available."""
    return Files(env, sensors, _parse)


def _parse(sensor: Sensor, text: bytes) -> float:
    if sensor.kind == "load":
        return first_number(sensor, text)
    return float(_kilobytes(text, b"MemTotal:") - _kilobytes(text, b"MemAvailable:")) * 1024


def _kilobytes(text: bytes, field: bytes) -> int:
    return int(text.split(field, 1)[1].split(None, 1)[0])
