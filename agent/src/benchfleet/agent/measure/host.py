"""The host around a measurement: one measures at a time, and how busy it is."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple

from benchfleet.agent import surroundings
from benchfleet.agent.env import live
from benchfleet.agent.measure.battery import batteries

POLL_S = 0.1


def lock_path() -> Path:
    """One file for every agent of this host, whoever runs it."""
    return Path(os.environ.get("BENCHFLEET_HOST_LOCK", Path(tempfile.gettempdir()) / "benchfleet-host.lock"))


def _open_lock() -> int | None:
    """Read-only where it exists: a kernel that protects sticky folders refuses O_CREAT on another user's file."""
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW
    for extra in (0, os.O_CREAT):
        with contextlib.suppress(OSError):
            return os.open(lock_path(), flags | extra, 0o644)
    return None


def taken() -> bool:
    """Whether somebody on this host measures right now, so that a turn will have to be waited for."""
    handle = _open_lock()
    if handle is None:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


@contextlib.asynccontextmanager
async def turn(stop: asyncio.Event) -> AsyncIterator[bool]:
    """Waits until no other agent of this host measures, or `stop` is set. False: there is no lock to take."""
    handle = _open_lock()
    if handle is None:
        yield False
        return
    try:
        while not stop.is_set():
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                with contextlib.suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(stop.wait(), POLL_S)
        yield True
    finally:
        os.close(handle)


def preflight() -> dict[str, Any]:
    """What the kernel says of load before the measurement; absent facts are left out."""
    found: dict[str, Any] = {}
    with contextlib.suppress(OSError):
        found["load_1min"] = os.getloadavg()[0]
    for name, path in (
        ("cpu_pressure_avg10", "/proc/pressure/cpu"),
        ("clocksource", "/sys/devices/system/clocksource/clocksource0/current_clocksource"),
        ("governor", "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
    ):
        with contextlib.suppress(OSError, IndexError, ValueError):
            text = Path(path).read_text().strip()
            found[name] = float(text.split("avg10=")[1].split()[0]) if name.startswith("cpu_pressure") else text
    if emulated := surroundings.emulated(live()):
        found["emulated"] = emulated
    if feeding := batteries():
        found["batteries"] = feeding
    return found


class Ticks(NamedTuple):
    """Clock ticks of all CPUs since boot."""

    idle: int
    steal: int
    total: int


def cpu_ticks(stat: Path = Path("/proc/stat")) -> Ticks | None:
    """First line of /proc/stat; None where the kernel does not tell."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        fields = [int(f) for f in stat.read_text().splitlines()[0].split()[1:9]]
        return Ticks(idle=fields[3] + fields[4], steal=fields[7], total=sum(fields))
    return None


def cpu_count() -> int:
    """CPUs that ticks are counted of."""
    return os.cpu_count() or 1


def memory(meminfo: Path = Path("/proc/meminfo")) -> dict[str, Any]:
    """Memory that is left, and swap that is used; nothing where the kernel does not tell."""
    found: dict[str, Any] = {}
    with contextlib.suppress(OSError, ValueError, IndexError, KeyError):
        lines = (line.split() for line in meminfo.read_text().splitlines())
        sizes = {fields[0]: int(fields[1]) * 1024 for fields in lines if len(fields) == 3}
        found["memory_available_bytes"] = sizes["MemAvailable:"]
        found["swap_used_bytes"] = sizes["SwapTotal:"] - sizes["SwapFree:"]
    return found


def oom_kills(vmstat: Path = Path("/proc/vmstat")) -> int:
    """How many processes the kernel killed for memory since boot: what tells its SIGKILL from anybody else's."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        for line in vmstat.read_text().splitlines():
            if line.startswith("oom_kill "):
                return int(line.split()[1])
    return 0
