"""Before the first call: how busy, hot and free the host is; before each later launch: as cool as at the start.

The host is watched for some seconds with nothing of ours running: the CPU that others use, the power drawn when idle,
the temperature to which later launches cool down first (as Zeus does, https://ml.energy/zeus).
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import Any

from benchfleet.agent.measure import host
from benchfleet.agent.measure.telemetry import Telemetry
from benchfleet.core import energy
from benchfleet.core.clock import Clock
from benchfleet.core.samples import of_the_chip

POWER_SPAN_S = 10.5
"""An idle baseline of power needs 10 s, since sensors average over a second and more; and timers may be early."""
POWER_SPAN_MAX_S = 60.0
"""Of a sensor that takes seconds for a value; one that needs longer has no baseline."""

WARMER_C = 2.0
COOL_SPAN_MAX_S = 120.0
COOL_POLL_S = 1.0


async def preflight(span_s: float, telemetry: Telemetry | None, stop: asyncio.Event) -> dict[str, Any]:
    """What the host says of itself while nothing of ours runs; absent facts are left out.

    `busy_cpus` is CPU time others used, in CPUs; `idle_span_ns` is the window (CLOCK_MONOTONIC) of the idle baseline.
    """
    found = host.preflight()
    start_ns, before = time.monotonic_ns(), host.cpu_ticks()
    await pause(max(span_s, _baseline_s(telemetry, start_ns) if span_s >= 1 else 0.0), stop)
    end_ns, after = time.monotonic_ns(), host.cpu_ticks()
    found["idle_span_ns"] = [start_ns, end_ns]
    if before is not None and after is not None and after.total > before.total:
        ticks = after.total - before.total
        found["busy_cpus"] = round((1 - (after.idle - before.idle) / ticks) * host.cpu_count(), 4)
    if (warmest := temperature_c(telemetry, start_ns, end_ns)) is not None:
        found["temperature_c"] = warmest
    found.update(host.memory())
    return found


async def idle_after(span_s: float, telemetry: Telemetry | None, stop: asyncio.Event) -> tuple[int, int] | None:
    """The window after the last round in which nothing of ours ran; None where no power is read, or time is short."""
    start_ns = time.monotonic_ns()
    baseline_s = _baseline_s(telemetry, start_ns)
    if span_s < 1 or not baseline_s:
        return None
    await pause(baseline_s, stop)
    return start_ns, time.monotonic_ns()


async def cool_down(
    start_c: float | None, telemetry: Telemetry | None, clock: Clock, stop: asyncio.Event
) -> dict[str, Any]:
    """Waits until the device is as cool as at the start, give or take WARMER_C, or COOL_SPAN_MAX_S have passed.

    What it says: how long it took and how far it came; nothing where there is no temperature to go by.
    """
    started_s, now_c = clock.monotonic_s(), _newest_c(telemetry)
    if start_c is None or now_c is None or now_c <= start_c + WARMER_C:
        return {}
    while now_c is not None and now_c > start_c + WARMER_C and not stop.is_set():
        if clock.monotonic_s() - started_s >= COOL_SPAN_MAX_S:
            break
        await pause(COOL_POLL_S, stop)
        now_c = _newest_c(telemetry)
    return {"cooled_s": round(clock.monotonic_s() - started_s, 1), "cooled_to_c": now_c}


async def pause(span_s: float, stop: asyncio.Event) -> None:
    """Waits, but not beyond `stop`."""
    if span_s > 0:
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(stop.wait(), span_s)


def temperature_c(telemetry: Telemetry | None, start_ns: int, end_ns: int) -> float | None:
    """The highest temperature of what computes, in a window."""
    if telemetry is None:
        return None
    chips = of_the_chip(telemetry.series(start_ns, end_ns))
    return max((v for s in chips for v in s.values if v is not None), default=None)


def _baseline_s(telemetry: Telemetry | None, now_ns: int) -> float:
    """How long a baseline of the device's power takes; 0 where nothing reads it, as rails and parts of it do not."""
    found = energy.candidates(telemetry.series(now_ns, now_ns)) if telemetry is not None else ""
    if isinstance(found, str):
        return 0.0
    every_s = max(found[0].update_s or 0.0, found[0].period_s or 0.0)
    return min(POWER_SPAN_MAX_S, max(POWER_SPAN_S, (energy.IDLE_READINGS_MIN + 1.5) * every_s))


def _newest_c(telemetry: Telemetry | None) -> float | None:
    now_ns = time.monotonic_ns()
    return temperature_c(telemetry, now_ns - int(3 * COOL_POLL_S * 1e9), now_ns)
