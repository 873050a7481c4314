"""How often and how long x86 CPUs were slowed because they were hot, since they were started.

Each CPU has counters of its core and of its package. All CPUs of a package show the same of it, so it is read of the
first; its cores are added up: `cpu_throttle/package-0/count`, `cpu_throttle/package-0/cores/count`, and their `time`.
They are worth their differences over a run. What the kernel slows by itself is a cooling device.
https://docs.kernel.org/admin-guide/thermal/intel_thermal_throttle.html
"""

from __future__ import annotations

from dataclasses import dataclass

from benchfleet.agent.env import Env
from benchfleet.agent.sensors import Reader, Sensor
from benchfleet.agent.sensors._files import Files, first_number

CPUS = "/sys/devices/system/cpu/cpu[0-9]*"
EVERY_S = 1.0
COUNT, TIME = "throttle_count", "throttle_total_time_ms"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cpu:
    folder: str
    package: str
    core: str


def probe(env: Env) -> list[Sensor]:
    """Of each package its own counters and the sums of its cores."""
    cpus = [
        _Cpu(
            folder=f"{cpu}/thermal_throttle",
            package=env.files.text(f"{cpu}/topology/physical_package_id", "0"),
            core=env.files.text(f"{cpu}/topology/core_id", "") or cpu,
        )
        for cpu in env.files.glob(CPUS)
        if env.files.exists(f"{cpu}/thermal_throttle")
    ]
    found = []
    for package in dict.fromkeys(cpu.package for cpu in cpus):
        of_it = [cpu for cpu in cpus if cpu.package == package]
        cores = {cpu.core: cpu for cpu in reversed(of_it)}.values()  # of two threads of a core the first
        for file in (COUNT, TIME):
            at = f"{of_it[0].folder}/package_{file}"
            found += [_sensor(f"package-{package}", file, (at,))] if env.files.exists(at) else []
            paths = tuple(f"{cpu.folder}/core_{file}" for cpu in reversed(list(cores)))
            if all(env.files.exists(path) for path in paths):
                found.append(_sensor(f"package-{package}/cores", file, paths))
    return found


def reader(env: Env, sensors: list[Sensor]) -> Reader:
    """Events and seconds."""
    return Files(env, sensors, _total)


def _sensor(name: str, file: str, paths: tuple[str, ...]) -> Sensor:
    several = len(paths) > 1
    return Sensor(
        id=f"cpu_throttle/{name}/{'count' if file == COUNT else 'time'}",
        kind="throttle_count" if file == COUNT else "duration_s",
        scope="component",
        source="sysfs",
        paths=paths,
        semantics="counter",
        every_s=EVERY_S,
        derived=several,
        formula=f"sum of {len(paths)} cores" if several else "",
        part="cpu",
        rank=10,
    )


def _total(sensor: Sensor, *texts: bytes) -> float:
    values = [first_number(sensor, text) for text in texts]
    if any(not 0 <= value < float("inf") for value in values):
        raise ValueError("a counter is a number and not negative")
    return sum(values) / (1 if sensor.kind == "throttle_count" else 1000)
