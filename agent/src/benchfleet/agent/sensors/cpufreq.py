"""Clocks of CPUs, in kHz: what the governor asks for, and what runs where the kernel tells that.

`cpufreq/policy0` is scaling_cur_freq. On most boards that is a request, and firmware may run far below it: a Thor was
seen at 649 MHz while 2601 were asked for. Then it is `estimated`, and `cpufreq/policy0/actual` is the clock that runs:
cpuinfo_avg_freq where there is one (Linux 6.15), else cpuinfo_cur_freq, which only root may read and which costs up to
a millisecond for each policy. On x86 with APERF and MPERF, scaling_cur_freq is itself measured from those counters, and
there is nothing more to read.

Governor, driver, preference (EPP) and turbo are words; where policies differ all are named: "performance,schedutil".
https://docs.kernel.org/admin-guide/pm/cpufreq.html
"""

from __future__ import annotations

from dataclasses import replace

from benchfleet.agent.env import Env
from benchfleet.agent.sensors import Reader, Reading, Sensor
from benchfleet.agent.sensors._files import Files, first_number

CPU = "/sys/devices/system/cpu"
SETTING_EVERY_S = 5.0
ACTUAL_EVERY_S = 0.5
"""Firmware that is asked wakes the core for it."""
ACTUAL_COST_S = 0.001
CPUINFO_BYTES = 16 * 1024
"""Of /proc/cpuinfo: the first CPU with its flags."""
HZ_MAX = 1e11
HELP = (
    "only root may read the clock that runs (cpuinfo_cur_freq is 0400); what the governor asks for is cpufreq/policyN"
)
SETTINGS = {
    "governor": "scaling_governor",
    "driver": "scaling_driver",
    "preference": "energy_performance_preference",
}
TURBO = {f"{CPU}/intel_pstate/no_turbo": {"0": "on", "1": "off"}, f"{CPU}/cpufreq/boost": {"1": "on", "0": "off"}}


def probe(env: Env) -> list[Sensor]:
    """One sensor per frequency domain, another where more is known than what is asked for, and the settings of all."""
    policies = _policies(env)
    measured = _measured(env)
    clocks = [_clock(name, folder, measured) for name, folder in policies.items()]
    return [*clocks, *([] if measured else _actual(env, policies)), *_settings(env, list(policies.values()))]


def reader(env: Env, sensors: list[Sensor]) -> Reader:
    """Hertz, and words."""
    return _Clocks(Files(env, sensors, _value))


def _policies(env: Env) -> dict[str, str]:
    """Name and folder of each; kernels before 4.2, and some recordings, have them below their CPUs alone."""
    folders = env.files.glob(f"{CPU}/cpufreq/policy*") or env.files.glob(f"{CPU}/cpu[0-9]*/cpufreq")
    return {
        folder.rpartition("/")[2]
        if "policy" in folder
        else f"policy{folder.split('/')[-2].removeprefix('cpu')}": folder
        for folder in folders
        if env.files.exists(f"{folder}/scaling_cur_freq")
    }


def _clock(name: str, policy: str, measured: bool) -> Sensor:
    return Sensor(
        id=f"cpufreq/{name}",
        kind="clock_hz",
        scope="component",
        source="sysfs",
        paths=(f"{policy}/scaling_cur_freq",),
        part="cpu",
        estimated=not measured,
        rank=20 if measured else 40,
    )


def _actual(env: Env, policies: dict[str, str]) -> list[Sensor]:
    found = []
    for name, policy in policies.items():
        average = env.files.exists(f"{policy}/cpuinfo_avg_freq")
        path = f"{policy}/{'cpuinfo_avg_freq' if average else 'cpuinfo_cur_freq'}"
        if env.files.exists(path):
            found.append(
                Sensor(
                    id=f"cpufreq/{name}/actual",
                    kind="clock_hz",
                    scope="component",
                    source="sysfs",
                    paths=(path,),
                    part="cpu",
                    every_s=ACTUAL_EVERY_S,
                    slow=True,
                    cost_s=ACTUAL_COST_S * len(policies),
                    needs_root=not average,
                )
            )
    return found


def _settings(env: Env, policies: list[str]) -> list[Sensor]:
    paths = {
        name: tuple(f"{policy}/{file}" for policy in policies if env.files.exists(f"{policy}/{file}"))
        for name, file in SETTINGS.items()
    }
    turbo = next((path for path in TURBO if env.files.exists(path)), None)
    paths["turbo"] = (turbo,) if turbo else ()
    return [
        Sensor(
            id=f"cpufreq/{name}",
            kind="setting",
            scope="component",
            source="sysfs",
            paths=of,
            semantics="state",
            every_s=SETTING_EVERY_S,
            part="cpu",
        )
        for name, of in paths.items()
        if of
    ]


def _measured(env: Env) -> bool:
    """Whether this kernel makes scaling_cur_freq from counters of the CPU."""
    try:
        text = env.files.read("/proc/cpuinfo", CPUINFO_BYTES)
    except OSError:
        return False
    flags = next((line for line in text.splitlines() if line.startswith(b"flags")), b"")
    return b"aperfmperf" in flags.split()


def _value(sensor: Sensor, *texts: bytes) -> float | str:
    if sensor.kind == "clock_hz":
        value = first_number(sensor, texts[0]) * 1000
        if not 0 < value <= HZ_MAX:  # 0 is what a driver says that was asked of a core that is off
            raise ValueError(f"{value:g} Hz is no clock of a CPU")
        return value
    words = sorted({text.decode(errors="replace").strip() for text in texts})
    said = TURBO.get(sensor.paths[0])
    if said is None:
        return ",".join(words)
    if words[0] not in said:
        raise ValueError(f"{words[0][:20]!r} is neither 0 nor 1")
    return said[words[0]]


class _Clocks:
    """Says of a clock that is denied who may read it."""

    def __init__(self, files: Files) -> None:
        self._files = files

    def read(self) -> list[Reading]:
        """One per sensor."""
        return [replace(r, detail=HELP) if r.quality == "denied" else r for r in self._files.read()]

    def close(self) -> None:
        """Closes the files."""
        self._files.close()
