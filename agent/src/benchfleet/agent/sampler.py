"""Reads every sensor on a thread of its own, at a jittered rate, and knows what that costs and how punctual it is."""

from __future__ import annotations

import math
import random
import threading
import time
from array import array
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from pathlib import Path

from benchfleet.agent import sensors
from benchfleet.agent.jitter import Schedule
from benchfleet.agent.sensors import Reader, Reading, Sensor, simulated
from benchfleet.core import plugins
from benchfleet.core.samples import SensorSeries

ACTIVE_HZ = 10.0
IDLE_HZ = 0.2
HELD_MAX = 20_000
"""Readings kept per sensor: half an hour at 10 Hz."""
HELD_STEP = HELD_MAX // 10
"""The oldest leave in steps of this many, so that leaving costs nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticks:
    """What was read at successive times: one column per sensor, NaN where it was not read or was lost.

    `newest` is the last reading of each, NaN for one that was lost. `skipped` older times were left out.
    """

    times_ns: array[int]
    columns: dict[str, array[float]]
    newest: dict[str, float]
    skipped: int = 0


class Sampler:
    """Start it, tell it when something is measured, ask it for windows. What is read while idle is not kept.

    `simulate` names a file that declares fake sensors of power (sensors/simulated.py).
    """

    def __init__(self, root: Path = Path("/"), simulate: Path | None = None) -> None:
        drivers = plugins.load_all(sensors.PACKAGE, sensors.GROUP)
        found = [(driver, root, driver.probe(root)) for driver in drivers.values()]
        if simulate is not None:
            found.append((simulated, Path("/"), simulated.declared(simulate)))
        self.sensors: dict[str, Sensor] = {s.id: s for _, _, listed in found for s in listed}
        self._groups = [
            _Group(driver.reader(at, [s for s in listed if s.every_s == every_s]), every_s)
            for driver, at, listed in found
            for every_s in sorted({s.every_s for s in listed})
        ]
        self._held = {i: _Held() for i in self.sensors}
        self._last: dict[str, Reading] = {}
        self._costs, self._lates = _Held(), _Held()  # stamped with the beginning of each reading of all sensors
        self._done_ns = 0
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._active = self._ending = self._paused = False
        self._thread = threading.Thread(target=self._run, name="sampler", daemon=True)

    def start(self) -> None:
        """Begins to read."""
        self.read_once()
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread and closes what it read."""
        self._ending = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(5)
        for group in self._groups:
            group.reader.close()

    def active(self, active: bool) -> None:
        """10 Hz while something is measured, once in five seconds otherwise."""
        self._active = active
        self._wake.set()

    def pause(self, paused: bool) -> None:
        """Reads nothing while paused: how much reading costs is seen beside its absence."""
        self._paused = paused
        self._wake.set()

    def read_once(self, late_periods: int = 0) -> None:
        """Reads what may have changed; `late_periods` says how much later than meant."""
        began_ns, started_ns = time.monotonic_ns(), time.thread_time_ns()
        keep = self._active
        for group in self._groups:
            now_ns = time.monotonic_ns()
            if now_ns < group.due_ns:
                continue
            group.due_ns = now_ns + group.every_ns
            readings = group.reader.read()
            with self._lock:
                for reading in readings:
                    self._last[reading.sensor_id] = reading
                    if keep:
                        value = math.nan if reading.value is None else reading.value
                        self._held[reading.sensor_id].append(now_ns, value)
        with self._lock:
            if keep:
                self._lates.append(began_ns, late_periods)
                self._costs.append(began_ns, time.thread_time_ns() - started_ns)
                self._done_ns = time.monotonic_ns()
            else:
                for held in (*self._held.values(), self._lates, self._costs):
                    held.clear()

    def latest(self) -> list[tuple[Sensor, Reading]]:
        """The newest reading of every sensor."""
        with self._lock:
            return [(self.sensors[i], reading) for i, reading in self._last.items()]

    def series(self, start_ns: int, end_ns: int) -> tuple[SensorSeries, ...]:
        """All readings in a window."""
        found = []
        with self._lock:
            for sensor in self.sensors.values():
                times, values = self._held[sensor.id].window(start_ns, end_ns)
                found.append(
                    SensorSeries(
                        sensor=sensor.id,
                        kind=sensor.kind,
                        scope=sensor.scope,
                        source=sensor.source,
                        times_ns=tuple(times),
                        values=tuple(None if math.isnan(v) else v for v in values),
                        period_s=max(1 / ACTIVE_HZ, sensor.every_s),
                        update_s=sensor.update_s,
                        accuracy=sensor.accuracy,
                        wrap=sensor.wrap,
                        formula=sensor.formula,
                        estimated=sensor.estimated,
                        simulated=sensor.simulated,
                    )
                )
        return tuple(found)

    def since(self, after_ns: int, ticks_max: int) -> Ticks:
        """What was read after a time, the newest `ticks_max` times of it; a reading that is under way is not in it."""
        with self._lock:
            times = self._lates.window(after_ns + 1, self._done_ns)[0]
            skipped = max(0, len(times) - ticks_max)
            times = times[skipped:]
            columns, newest = {}, {}
            for sensor_id, held in self._held.items() if times else ():
                stamps, values = held.window(times[0], self._done_ns)
                if not stamps:
                    continue
                column = array("d", [math.nan]) * len(times)
                for stamp, value in zip(stamps, values, strict=True):
                    column[bisect_right(times, stamp) - 1] = value
                columns[sensor_id], newest[sensor_id] = column, values[-1]
        return Ticks(times_ns=times, columns=columns, newest=newest, skipped=skipped)

    def simulated(self) -> list[str]:
        """The sensors that are fakes."""
        return [sensor.id for sensor in self.sensors.values() if sensor.simulated]

    def cpu_ratio(self, start_ns: int, end_ns: int) -> float | None:
        """CPU time of reading over the length of a window."""
        if end_ns <= start_ns:
            return None
        with self._lock:
            return sum(self._costs.window(start_ns, end_ns)[1]) / (end_ns - start_ns)

    def late_ratio(self, start_ns: int, end_ns: int) -> float | None:
        """Samples over a period late, of all that were due; one that is k periods late stands for k of them."""
        with self._lock:
            lates = self._lates.window(start_ns, end_ns)[1]
        if not lates:
            return None
        missed = sum(late - 1 for late in lates if late)
        return sum(lates) / (len(lates) + missed)

    def _run(self) -> None:
        schedule = Schedule(random.Random())
        while not self._ending:
            if self._paused:
                self._wake.wait()
                self._wake.clear()
                schedule = Schedule(random.Random())  # what was not read on purpose is not late
                continue
            period_s = 1 / (ACTIVE_HZ if self._active else IDLE_HZ)
            due_s = schedule.next_s(time.monotonic(), period_s)
            self._wake.wait(max(0.0, due_s - time.monotonic()))
            self._wake.clear()
            started_s = time.monotonic()
            if not self._ending and not self._paused:
                self.read_once(max(schedule.skipped, int((started_s - due_s) / period_s)))


class _Group:
    """The sensors of one mechanism that are read at one rate."""

    def __init__(self, reader: Reader, every_s: float) -> None:
        self.reader, self.every_ns, self.due_ns = reader, round(every_s * 1e9), 0


class _Held:
    """Times with one number each, oldest first, at most HELD_MAX: 16 bytes a reading, where objects take 110."""

    def __init__(self) -> None:
        self._times, self._values = array("q"), array("d")

    def append(self, time_ns: int, value: float) -> None:
        if len(self._times) >= HELD_MAX:
            del self._times[:HELD_STEP], self._values[:HELD_STEP]
        self._times.append(time_ns)
        self._values.append(value)

    def clear(self) -> None:
        if self._times:
            self._times, self._values = array("q"), array("d")

    def window(self, start_ns: int, end_ns: int) -> tuple[array[int], array[float]]:
        chosen = slice(bisect_left(self._times, start_ns), bisect_right(self._times, end_ns))
        return self._times[chosen], self._values[chosen]
