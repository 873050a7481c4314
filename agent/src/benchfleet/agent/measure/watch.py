"""What happened on the host from the first launch to the last: load of others, steal, pressure, clocks, pauses.

    watch = Watch()          # before the first launch
    ...                      # all runners started and ended
    host.update(watch.facts())

CPU of others is what all CPUs did less what this process and its ended children did. CLOCK_REALTIME against
CLOCK_MONOTONIC moves only when somebody sets the time or the machine was suspended, CLOCK_BOOTTIME against it only by
suspension, and CLOCK_MONOTONIC_RAW against it by what NTP slews: durations then are wrong by as much.
https://man7.org/linux/man-pages/man2/clock_gettime.2.html, https://docs.kernel.org/accounting/psi.html
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple

BEAT_S = 0.1
"""How often the agent looks whether it still runs."""

_CLOCKS = {"wall": "CLOCK_REALTIME", "boot": "CLOCK_BOOTTIME", "raw": "CLOCK_MONOTONIC_RAW"}


class Cpus(NamedTuple):
    """Seconds of all CPUs since boot."""

    busy_s: float
    stolen_s: float
    total_s: float


class Watch:
    """Reads the host's counters at its start and again for `facts()`; nothing in between."""

    def __init__(self, root: Path = Path("/")) -> None:
        self._root = root
        self._start = self._read()
        self.gap_max_s = 0.0

    def _read(self) -> dict[str, Any]:
        monotonic_s = time.monotonic()
        return {
            "monotonic_s": monotonic_s,
            "clocks": {name: _ahead_s(name) for name in _CLOCKS},
            "source": self._clocksource(),
            "cpus": cpus(self._root),
            "own_s": sum(os.times()[:4]),
            "stalled_s": stalled_s(self._root),
        }

    def _clocksource(self) -> str | None:
        with contextlib.suppress(OSError):
            path = self._root / "sys/devices/system/clocksource/clocksource0/current_clocksource"
            return path.read_text().strip()
        return None

    def facts(self) -> dict[str, Any]:
        """What changed since the start; what the kernel does not tell is left out."""
        return changes(self._start, self._read()) | {"agent_gap_s": round(self.gap_max_s, 3)}

    @contextlib.asynccontextmanager
    async def beating(self) -> AsyncIterator[None]:
        """Notes meanwhile how long this process was kept from running: stopped, suspended, or starved."""
        beat = asyncio.create_task(self._beat())
        try:
            yield
        finally:
            beat.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await beat

    async def _beat(self) -> None:
        while True:
            before_s = time.monotonic()
            await asyncio.sleep(BEAT_S)
            self.gap_max_s = max(self.gap_max_s, time.monotonic() - before_s - BEAT_S)


def changes(start: dict[str, Any], end: dict[str, Any]) -> dict[str, Any]:
    """The facts of two readings: a pure function of them."""
    found: dict[str, Any] = {}
    span_s = end["monotonic_s"] - start["monotonic_s"]
    if start["cpus"] and end["cpus"] and end["cpus"].total_s > start["cpus"].total_s:
        total_s = end["cpus"].total_s - start["cpus"].total_s
        found["steal_ratio"] = (end["cpus"].stolen_s - start["cpus"].stolen_s) / total_s
        others_s = (end["cpus"].busy_s - start["cpus"].busy_s) - (end["own_s"] - start["own_s"])
        found["other_cpus"] = round(max(0.0, others_s / span_s), 4) if span_s > 0 else 0.0
    if start["stalled_s"] is not None and end["stalled_s"] is not None and span_s > 0:
        found["cpu_pressure_ratio"] = round((end["stalled_s"] - start["stalled_s"]) / span_s, 4)
    moved = {
        name: end["clocks"][name] - ahead
        for name, ahead in start["clocks"].items()
        if ahead is not None and end["clocks"][name] is not None
    }
    if "boot" in moved:
        found["suspended_s"] = round(moved["boot"], 6)
    if "wall" in moved:
        found["wall_clock_step_s"] = round(moved["wall"] - moved.get("boot", 0.0), 6)
    if "raw" in moved and span_s > 0:
        found["clock_slew_ppm"] = round(-moved["raw"] / span_s * 1e6, 1)
    if start["source"] is not None and end["source"] not in (None, start["source"]):
        found["clocksource_became"] = end["source"]
    return found


def _ahead_s(name: str) -> float | None:
    """How far a clock is ahead of CLOCK_MONOTONIC now; None where the system has none such."""
    clock = getattr(time, _CLOCKS[name], None)
    if clock is None:
        return None
    best: tuple[int, float] | None = None
    for _ in range(3):  # the pair that nothing came between
        before_ns, there_ns, after_ns = time.monotonic_ns(), time.clock_gettime_ns(clock), time.monotonic_ns()
        if best is None or after_ns - before_ns < best[0]:
            best = after_ns - before_ns, (there_ns - (before_ns + after_ns) / 2) / 1e9
    return best[1] if best else None


def cpus(root: Path = Path("/")) -> Cpus | None:
    """First line of /proc/stat; None where the kernel does not tell."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        ticks = [int(f) for f in (root / "proc/stat").read_text().splitlines()[0].split()[1:9]]
        user, nice, system, _, _, irq, softirq, steal = (t / os.sysconf("SC_CLK_TCK") for t in ticks)
        return Cpus(user + nice + system + irq + softirq, steal, sum(ticks) / os.sysconf("SC_CLK_TCK"))
    return None


def stalled_s(root: Path = Path("/")) -> float | None:
    """Seconds since boot in which some task waited for a CPU; None where the kernel does not tell."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        return int((root / "proc/pressure/cpu").read_text().split("total=")[1].split()[0]) / 1e6
    return None
