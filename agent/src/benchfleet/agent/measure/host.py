"""The host around a measurement: one measures at a time, and how busy it is."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

POLL_S = 0.1


def lock_path() -> Path:
    """One file for every agent of this host, whoever runs it."""
    return Path(os.environ.get("BENCHFLEET_HOST_LOCK", Path(tempfile.gettempdir()) / "benchfleet-host.lock"))


@contextlib.asynccontextmanager
async def turn(stop: asyncio.Event) -> AsyncIterator[None]:
    """Waits until no other agent of this host measures; gives up when `stop` is set."""
    handle = os.open(lock_path(), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        with contextlib.suppress(OSError):
            os.fchmod(handle, 0o666)
        while not stop.is_set():
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                with contextlib.suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(stop.wait(), POLL_S)
        yield
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
    return found


def steal_ticks() -> tuple[int, int] | None:
    """(steal, total) ticks of all CPUs since boot; None where the kernel does not tell."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        fields = [int(f) for f in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
        return fields[7], sum(fields)
    return None
