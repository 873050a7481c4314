"""The highest clock that the CPUs may take, for every policy.

    /sys/devices/system/cpu/cpufreq/policy0/scaling_available_frequencies    600000 1200000 1800000 (kHz, if listed)
    /sys/devices/system/cpu/cpufreq/policy0/scaling_max_freq                 1800000

Heat lowers the same number for a while (a cooling device of the kernel), so a change of it during a run is no proof
that somebody made it, and it is put back only where a run set it.
https://docs.kernel.org/admin-guide/pm/cpufreq.html
"""

from __future__ import annotations

import contextlib

from benchfleet.agent.env import Env
from benchfleet.agent.power_modes import Mode, SwitchError, write

ORDER = 40
DISTURBS: tuple[str, ...] = ()
WATCHED = False

POLICIES = "/sys/devices/system/cpu/cpufreq/policy*"


def probe(env: Env) -> list[Mode]:
    """Clocks that every policy lists; where none are listed, the lowest and the highest of all."""
    lists = []
    for policy in env.files.glob(POLICIES):
        with contextlib.suppress(OSError, ValueError):
            lists.append(_offered(env, policy))
    common = sorted(set.intersection(*lists)) if lists else []
    return [Mode(name=f"{khz / 1000:g}MHz", id=str(khz)) for khz in common if khz > 0]


def current(env: Env) -> Mode:
    """The cap of all policies, or `mixed`."""
    found = {policy.rpartition("/")[2]: _read(env, policy) for policy in env.files.glob(POLICIES)}
    if not found:
        raise SwitchError("no CPU of this device has a clock to cap (no cpufreq policy)")
    if len(set(found.values())) == 1:
        khz = next(iter(found.values()))
        return Mode(name=f"{khz / 1000:g}MHz", id=str(khz))
    return Mode(name="mixed", id=",".join(f"{policy}={khz}" for policy, khz in found.items()))


def apply(env: Env, mode: Mode, folder: str) -> None:
    """Writes each policy's cap, where it is another."""
    wanted = dict(part.split("=", 1) for part in mode.id.split(",")) if "=" in mode.id else {}
    for policy in env.files.glob(POLICIES):
        khz = wanted.get(policy.rpartition("/")[2]) if wanted else mode.id
        if khz is not None and str(_read(env, policy)) != khz:
            write(env, f"{policy}/scaling_max_freq", khz)


def _offered(env: Env, policy: str) -> set[int]:
    listed = env.files.text(f"{policy}/scaling_available_frequencies", "")
    texts = listed.split() or [env.files.text(f"{policy}/cpuinfo_{end}_freq") for end in ("min", "max")]
    return {int(text) for text in texts}


def _read(env: Env, policy: str) -> int:
    path = f"{policy}/scaling_max_freq"
    try:
        return int(env.files.text(path))
    except OSError as error:
        raise SwitchError(f"{path} cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise SwitchError(f"{path} is no number") from error
