"""Pressure: how much some task, or all of them, waited for a CPU, memory, I/O or interrupts.

`psi/cpu` is the share of the last 10 s; `psi/cpu/some` and `psi/memory/full` count the seconds since boot, and tell a
run of two seconds from the eight before it. `full` of the CPU is zero on a whole system, and interrupts have no `some`.
https://docs.kernel.org/accounting/psi.html
"""

from __future__ import annotations

from benchfleet.agent.env import Env
from benchfleet.agent.sensors import Reader, Sensor
from benchfleet.agent.sensors._files import Files

EVERY_S = 2.0
"""PSI_FREQ in the kernel's kernel/sched/psi.c: the averages are made anew every two seconds."""
TOTAL_EVERY_S = 1.0
"""The counters are exact whenever they are read."""
RESOURCES = ("cpu", "memory", "io")
TOTALS = {"cpu": ("some",), "memory": ("some", "full"), "io": ("some", "full"), "irq": ("full",)}


def probe(env: Env) -> list[Sensor]:
    """What the kernel accounts; none where it was built without."""
    found = []
    for name in RESOURCES:
        if env.files.exists(f"/proc/pressure/{name}"):
            found.append(_sensor(f"psi/{name}", "pressure_ratio", name, "gauge", EVERY_S))
    for name, lines in TOTALS.items():
        text = env.files.text(f"/proc/pressure/{name}", "")
        for line in lines:
            if any(row.startswith(line) and "total=" in row for row in text.splitlines()):
                found.append(_sensor(f"psi/{name}/{line}", "pressure_s", name, "counter", TOTAL_EVERY_S))
    return found


def reader(env: Env, sensors: list[Sensor]) -> Reader:
    """Ratios from 0 to 1, of percent; seconds, of microseconds."""
    return Files(env, sensors, _value)


def _sensor(name: str, kind: str, resource: str, semantics: str, every_s: float) -> Sensor:
    return Sensor(
        id=name,
        kind=kind,
        scope="system",
        source="procfs",
        paths=(f"/proc/pressure/{resource}",),
        semantics=semantics,
        every_s=every_s,
    )


def _value(sensor: Sensor, text: bytes) -> float:
    line = sensor.id.split("/")[2] if sensor.kind == "pressure_s" else "some"
    row = next((row for row in text.splitlines() if row.startswith(line.encode())), None)
    if row is None:
        raise LookupError(f"no line {line}")
    field, per = (b"total=", 1e6) if sensor.kind == "pressure_s" else (b"avg10=", 100)
    return float(row.split(field, 1)[1].split(None, 1)[0]) / per
