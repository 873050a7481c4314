"""The governor that chooses the clock of the CPUs, for every policy (the CPUs that share a clock).

    /sys/devices/system/cpu/cpufreq/policy0/scaling_available_governors    performance powersave schedutil
    /sys/devices/system/cpu/cpufreq/policy0/scaling_governor               schedutil

Policies may differ: such a state is called `mixed`, and its id says each, `policy0=schedutil,policy4=performance`.
https://docs.kernel.org/admin-guide/pm/cpufreq.html
"""

from __future__ import annotations

import contextlib

from benchfleet.agent.env import Env
from benchfleet.agent.power_modes import Mode, SwitchError, write

ORDER = 30
DISTURBS: tuple[str, ...] = ()
WATCHED = True

POLICIES = "/sys/devices/system/cpu/cpufreq/policy*"
MIXED = "mixed"


def probe(env: Env) -> list[Mode]:
    """Governors that every policy offers, but for `userspace`, which sets no clock by itself."""
    offered = []
    for policy in env.files.glob(POLICIES):
        with contextlib.suppress(OSError):
            offered.append(env.files.text(f"{policy}/scaling_available_governors").split())
    common = [name for name in offered[0] if all(name in names for names in offered)] if offered else []
    return [Mode(name=name, id=name) for name in common if name != "userspace"]


def current(env: Env) -> Mode:
    """The governor of all policies, or `mixed`."""
    found = {policy.rpartition("/")[2]: _read(env, policy) for policy in env.files.glob(POLICIES)}
    if not found:
        raise SwitchError("no CPU of this device has a governor (no cpufreq policy)")
    names = set(found.values())
    if len(names) == 1:
        return Mode(name=names.pop(), id=next(iter(found.values())))
    return Mode(name=MIXED, id=",".join(f"{policy}={name}" for policy, name in found.items()))


def apply(env: Env, mode: Mode, folder: str) -> None:
    """Writes each policy's governor, where it is another."""
    policies = env.files.glob(POLICIES)
    wanted = dict(part.split("=", 1) for part in mode.id.split(",")) if "=" in mode.id else {}
    for policy in policies:
        name = wanted.get(policy.rpartition("/")[2]) if wanted else mode.id
        if name is not None and _read(env, policy) != name:
            write(env, f"{policy}/scaling_governor", name)


def _read(env: Env, policy: str) -> str:
    path = f"{policy}/scaling_governor"
    try:
        return env.files.text(path)
    except OSError as error:
        raise SwitchError(f"{path} cannot be read ({error.strerror})") from error
