"""Power mode of a Jetson, its name and its number: "15W (2)".

    nvpmodel -q                  NV Power Mode: 15W
                                 2
    /var/lib/nvpmodel/status     pmode:0002
    /etc/nvpmodel.conf           < POWER_MODEL ID=2 NAME=15W >

Both, because a number is another mode on another board (MAXN_SUPER is 0 on an Orin NX, 2 on an Orin Nano). The name is
that of a set of limits to clocks, and no number of watts. Without root the command adds lines that begin with
NVPM ERROR, and answers all the same. Where it is not there the saved mode is read; after a switch that needs a reboot
that is the mode to come.
https://docs.nvidia.com/jetson/archives/r36.4/DeveloperGuide/SD/PlatformPowerAndPerformance.html
"""

from __future__ import annotations

import re

from benchfleet.agent.env import Env
from benchfleet.agent.sensors import Reader, Reading, Sensor
from benchfleet.agent.sensors._files import Unread, unread

ID = "nvpmodel/power_mode"
COMMAND = ("nvpmodel", "-q")
STATUS, CONFIG = "/var/lib/nvpmodel/status", "/etc/nvpmodel.conf"
EVERY_S = 5.0
"""It changes when somebody changes it; each time costs a process."""
COST_S = 0.5
ANSWER = re.compile(r"^NV Power Mode:[ \t]*(\S+)[ \t]*\r?\n(?:(?!\d+\s*$).*\n)*?[ \t]*(\d+)[ \t]*$", re.MULTILINE)


def probe(env: Env) -> list[Sensor]:
    """One, where the command answers or a mode was saved."""
    try:
        env.commands.run(COMMAND)
        how = " ".join(COMMAND)
    except TimeoutError:
        how = " ".join(COMMAND)
    except OSError:
        if not env.files.exists(STATUS):
            return []
        how = ""
    return [
        Sensor(
            id=ID,
            kind="power_mode",
            scope="system",
            source="nvpmodel",
            paths=(how,) if how else (STATUS, CONFIG),
            semantics="state",
            every_s=EVERY_S,
            slow=True,
            cost_s=COST_S,
        )
    ]


def reader(env: Env, sensors: list[Sensor]) -> Reader:
    """A word."""
    return _Mode(env, sensors)


class _Mode:
    def __init__(self, env: Env, sensors: list[Sensor]) -> None:
        self._env, self._sensors = env, sensors

    def read(self) -> list[Reading]:
        return [self._reading(sensor) for sensor in self._sensors]

    def close(self) -> None:
        pass

    def _reading(self, sensor: Sensor) -> Reading:
        try:
            return _saved(self._env) if STATUS in sensor.paths else _asked(self._env)
        except (OSError, LookupError, ValueError, Unread) as error:
            return unread(sensor, error)


def _asked(env: Env) -> Reading:
    answer = env.commands.run(COMMAND)
    found = ANSWER.search(answer.stdout)
    if found is None:
        said = (answer.stdout.strip().splitlines() or ["nothing"])[0]
        raise Unread("lost", f"{' '.join(COMMAND)} said no mode but {said[:120]!r}")
    return Reading(sensor_id=ID, value=_word(found[1], int(found[2])))


def _saved(env: Env) -> Reading:
    text = env.files.text(STATUS)
    found = re.search(r"pmode:(\d+)", text) or re.fullmatch(r"(\d+)", text)
    if found is None:
        raise LookupError(f"{STATUS} holds no mode")
    number = int(found[1])
    name = re.search(rf"<\s*POWER_MODEL\s+ID={number}\s+NAME=(\S+?)\s*>", _whole(env, CONFIG))
    if name is None:
        raise LookupError(f"mode {number} of {STATUS} is not in {CONFIG}")
    why = f"the mode saved in {STATUS}: `nvpmodel -q` is not there"
    return Reading(sensor_id=ID, value=_word(name[1], number), detail=why)


def _whole(env: Env, path: str) -> str:
    """A configuration is longer than a page of sysfs."""
    return env.files.read(path, 1 << 20).decode(errors="replace")


def _word(name: str, number: int) -> str:
    return f"{name} ({number})"
