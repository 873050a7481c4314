"""jetson_clocks of NVIDIA Jetson: clocks of CPU, GPU and memory held at the highest that the power model allows.

    jetson_clocks --store FILE      what is set now, into FILE
    jetson_clocks                   holds the clocks (root)
    jetson_clocks --restore FILE    as it was stored

Whether it is on is read from the clocks: each has its lowest equal to its highest. There is no way back without what
was stored before, so that goes into a file of ours. After a boot it is off.
https://docs.nvidia.com/jetson/archives/r36.4/DeveloperGuide/SD/PlatformPowerAndPerformance.html#jetson-clocks
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from benchfleet.agent.env import Env
from benchfleet.agent.power_modes import Mode, SwitchError, run

ORDER = 20
DISTURBS = ("cpufreq",)
WATCHED = True

PROGRAM = "/usr/bin/jetson_clocks"
STORED = "jetson_clocks.conf"

ON = Mode(name="jetson_clocks", id="on")
OFF = Mode(name="jetson_clocks_off", id="off")

_CLOCKS = (
    ("/sys/devices/system/cpu/cpufreq/policy*", "scaling_min_freq", "scaling_max_freq"),
    ("/sys/class/devfreq/*.gpu", "min_freq", "max_freq"),
    ("/sys/class/devfreq/gpu-*", "min_freq", "max_freq"),
)
"""CPU clusters; GPU of Orin and before; GPU of Thor."""


def probe(env: Env) -> list[Mode]:
    """On and off where the program is."""
    return [ON, OFF] if env.files.exists(PROGRAM) and _ranges(env) else []


def current(env: Env) -> Mode:
    """On when no clock may move."""
    ranges = _ranges(env)
    if not ranges:
        raise SwitchError("whether jetson_clocks is on cannot be told: no clock says its range")
    return ON if all(low == high for low, high in ranges) else OFF


def speaks(mode: Mode) -> bool:
    """Held clocks are a condition of every run; free ones go without saying."""
    return mode.id == ON.id


def apply(env: Env, mode: Mode, folder: str) -> None:
    """On, after what is set was stored; off, by what was stored."""
    stored = Path(folder) / STORED
    if mode.id == ON.id:
        with contextlib.suppress(FileNotFoundError):
            stored.unlink()  # it asks before it overwrites, and nobody answers
        run(env, "jetson_clocks", "--store", str(stored))
        run(env, "jetson_clocks")
        return
    if not stored.exists():
        raise SwitchError("jetson_clocks was on before and what it changed was not stored: only a reboot turns it off")
    run(env, "jetson_clocks", "--restore", str(stored))


def _ranges(env: Env) -> list[tuple[int, int]]:
    found = []
    for pattern, low, high in _CLOCKS:
        for at in env.files.glob(pattern):
            with contextlib.suppress(OSError, ValueError):
                found.append((int(env.files.text(f"{at}/{low}")), int(env.files.text(f"{at}/{high}"))))
    return found
