"""Power models of NVIDIA Jetson: which cores are on and how fast clocks may be, by the name of a power budget.

    /etc/nvpmodel.conf     < POWER_MODEL ID=2 NAME=15W >
    nvpmodel -q            NV Power Mode: 15W
                           2
    nvpmodel -m 2          sets it (root)

Names are caps of clocks, not watts, and ids differ from board to board (MAXN_SUPER is 0 on Orin NX and 2 on Orin Nano),
so both are kept. Without root `-q` may say `NVPM ERROR` on further lines while its first two are right. Some switches
need a reboot: nvpmodel then asks, takes no answer for no, may end with 0 all the same, and `-q` keeps the old mode. We
never answer yes. https://docs.nvidia.com/jetson/archives/r36.4/DeveloperGuide/SD/PlatformPowerAndPerformance.html
"""

from __future__ import annotations

import re

from benchfleet.agent.env import Env
from benchfleet.agent.power_modes import Mode, SwitchError, run

ORDER = 10
DISTURBS = ("jetson_clocks", "cpufreq")
WATCHED = True

CONFIG = "/etc/nvpmodel.conf"
CONFIG_BYTES = 256 * 1024
"""Those of the boards we know have 10 to 40 KB."""
QUERY_TIMEOUT_S = 10.0

_MODEL = re.compile(r"^\s*<\s*POWER_MODEL\s+ID\s*=\s*(\d+)\s+NAME\s*=\s*([^\s>]+)\s*>", re.MULTILINE)
_QUERIED = re.compile(r"^NV Power Mode:\s*(\S+)\s*\n\s*(\d+)\s*$", re.MULTILINE)


def probe(env: Env) -> list[Mode]:
    """The models of the configuration; none where there is none, or nothing to set them with."""
    try:
        text = env.files.read(CONFIG, CONFIG_BYTES).decode(errors="replace")
    except OSError:
        return []
    modes = [Mode(name=name, id=number) for number, name in _MODEL.findall(text)]
    return modes if modes and _asked(env) is not None else []


def current(env: Env) -> Mode:
    """What `nvpmodel -q` says, by its first two lines."""
    said = _asked(env)
    found = _QUERIED.search(said or "")
    if found is None:
        lines = [line.strip() for line in (said or "").splitlines() if line.strip()]
        raise SwitchError(f"nvpmodel -q does not tell the mode ({lines[0] if lines else 'no answer'})")
    return Mode(name=found[1], id=found[2])


def speaks(mode: Mode) -> bool:
    """The power model is a condition of every run."""
    return True


def apply(env: Env, mode: Mode, folder: str) -> None:
    """Sets it, unless that takes a reboot."""
    said = run(env, "nvpmodel", "-m", mode.id)
    if "reboot" in said.lower() and current(env).id != mode.id:
        raise SwitchError(
            f"nvpmodel sets {mode.name} (id {mode.id}) only with a reboot; set it by hand with "
            f"`sudo nvpmodel -m {mode.id}`, reboot, and measure without power_mode, or with this mode alone"
        )


def _asked(env: Env) -> str | None:
    try:
        return env.commands.run(["nvpmodel", "-q"], timeout_s=QUERY_TIMEOUT_S).stdout
    except OSError:  # not installed, no answer in time, may not be run
        return None
