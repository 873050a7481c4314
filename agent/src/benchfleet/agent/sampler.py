"""Reads every sensor at a jittered rate, on threads of its own, and knows what that costs and how punctual it is.

Files that are read in microseconds share one thread; what is slow (a command, a network, a library) has one each, and
so holds up nobody. A read may hang in the kernel for ever. A watch notices one that has not come back within its
deadline: its sensors read as timed out, another thread goes on with the others, and where a driver's sensors are read
together they are taken apart, so that only the one that hangs is without a reading.
"""

from __future__ import annotations

import logging
import math
import random
import threading
import time
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from types import ModuleType

from benchfleet.agent import env as environments
from benchfleet.agent import sensors
from benchfleet.agent.env import Env
from benchfleet.agent.jitter import Schedule
from benchfleet.agent.sensors import Reading, Sensor, simulated
from benchfleet.agent.sensors._deadline import PROBE_S, Gone, within
from benchfleet.agent.sensors._group import Group
from benchfleet.core import plugins
from benchfleet.core.samples import SensorSeries

log = logging.getLogger(__name__)

ACTIVE_HZ = 10.0
IDLE_HZ = 0.2
WATCH_S = 0.25
"""How often reads are looked at that have not come back: half of their shortest deadline."""
REPROBE_S = 60.0
"""How often, while idle, what is there is looked for again: nodes of a GPU appear late in a boot."""
RELOOK_S, RELOOK_MAX = 5.0, 12
"""How often, and how many times, a driver is asked where its chip went when a reading of it was lost: one that was
bound anew has other files under the same name. For a minute, also while something is measured."""
RELOOK_PROBE_S = 1.0
"""For that, so that who watches is away no longer; files are looked through in milliseconds."""
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

    `simulate` names a file that declares fake sensors of power (sensors/simulated.py). `absent` tells of drivers whose
    probe failed or did not come back.
    """

    def __init__(
        self, env: Env | None = None, simulate: Path | None = None, drivers: Mapping[str, ModuleType] | None = None
    ) -> None:
        self._env = env or environments.live()
        self._drivers = plugins.load_all(sensors.PACKAGE, sensors.GROUP) if drivers is None else drivers
        self.sensors: dict[str, Sensor] = {}
        self.absent: dict[str, str] = {}
        self._groups: list[Group] = []
        self._held: dict[str, _Held] = {}
        self._last: dict[str, Reading] = {}
        self._costs, self._lates = _Held(), _Held()  # stamped with the beginning of each reading of all sensors
        self._done_ns = 0
        self._lock = threading.Lock()
        self._wake, self._over = threading.Event(), threading.Event()
        self._active = self._ending = self._paused = False
        self._lane = 0
        self._fallen: dict[str, tuple[float, int]] = {}  # drivers to be asked again: when, and how many times more
        self._relooked_s: dict[str, float] = {}
        self._threads: list[threading.Thread] = []
        self.look()
        if simulate is not None:
            self._admit("simulated declared", simulated, environments.live(), simulated.declared(simulate))

    def start(self) -> None:
        """Begins to read; every sensor that answers in time has a reading when this returns."""
        self.snapshot()
        self._threads.append(threading.Thread(target=self._watch, name="sampler-watch", daemon=True))
        self._threads.append(threading.Thread(target=self._run, args=(self._lane,), name="sampler", daemon=True))
        for group in self._groups:
            if group.slow:
                self._threads.append(self._slow_thread(group))
        for thread in list(self._threads):
            if thread.ident is None:
                thread.start()

    def stop(self) -> None:
        """Ends the threads and closes what they read; one that hangs is left to end with the process."""
        self._ending = True
        self._wake.set()
        self._over.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(0.0 if self._hangs() else 5.0)
        for group in self._groups:
            group.close()

    def active(self, active: bool) -> None:
        """10 Hz while something is measured, once in five seconds otherwise."""
        self._active = active
        self._wake.set()

    def pause(self, paused: bool) -> None:
        """Reads nothing while paused: how much reading costs is seen beside its absence."""
        self._paused = paused
        self._wake.set()

    def look(self) -> None:
        """Asks every driver what is there; what has appeared is read from now on."""
        for name in self._drivers:
            self._look(name)

    def snapshot(self) -> None:
        """Reads every sensor once, within their deadlines; one that hangs already is not tried again."""
        waiting = [group for group in self._groups if not group.hanging]
        while waiting:
            group = waiting.pop(0)
            began_ns = time.monotonic_ns()
            try:
                readings = within(group.read, group.deadline_s)
            except Gone:
                group.hangs()
                parts = self._apart(group)
                waiting += parts
                if not parts:
                    self._keep(group, group.timed_out(), began_ns)
                continue
            self._keep(group, readings, began_ns)

    def read_once(self, late_periods: int = 0, lane: int | None = None) -> None:
        """Reads what may have changed, but for what is slow; `late_periods`: how much later than meant."""
        began_ns, started_ns = time.monotonic_ns(), time.thread_time_ns()
        keep = self._active
        for group in list(self._groups):
            if (group.slow and lane is not None) or not group.due(now_ns := time.monotonic_ns()):
                continue
            readings = group.read()
            if lane is not None and lane != self._lane:
                return  # it hung, and another thread has taken over
            self._keep(group, readings, now_ns)
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
            return [(self.sensors[i], reading) for i, reading in self._last.items() if i in self.sensors]

    def series(self, start_ns: int, end_ns: int) -> tuple[SensorSeries, ...]:
        """All readings in a window, of what has numbers."""
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
                        resolution=sensor.resolution,
                        part=sensor.part,
                        rank=sensor.rank,
                        critical=sensor.critical,
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

    def _run(self, lane: int) -> None:
        schedule = Schedule(random.Random())
        while not self._ending and lane == self._lane:
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
                self.read_once(max(schedule.skipped, int((started_s - due_s) / period_s)), lane)

    def _slow_thread(self, group: Group) -> threading.Thread:
        return threading.Thread(target=self._run_slow, args=(group,), name=f"sampler {group.name}", daemon=True)

    def _run_slow(self, group: Group) -> None:
        while not self._over.wait(random.uniform(0.8, 1.2) / ACTIVE_HZ) and group in self._groups:
            began_ns, started_ns = time.monotonic_ns(), time.thread_time_ns()
            if self._paused or not group.due(began_ns, 0.0 if self._active else 1 / IDLE_HZ):
                continue
            readings = group.read()
            self._keep(group, readings, (began_ns + time.monotonic_ns()) // 2)
            with self._lock:
                if self._active:
                    self._costs.append(time.monotonic_ns(), time.thread_time_ns() - started_ns)

    def _watch(self) -> None:
        looked_s = time.monotonic()
        while not self._over.wait(WATCH_S):
            for group in list(self._groups):
                if group.overdue(time.monotonic_ns()):
                    self._take_over(group)
            if not self._active and time.monotonic() - looked_s > REPROBE_S:
                looked_s = time.monotonic()
                self.look()
            self._look_for_fallen()

    def _look_for_fallen(self) -> None:
        """Asks drivers of which a reading was lost just now; what is slow, and what hangs, waits for the next look."""
        for name, (due_s, left) in list(self._fallen.items()):
            groups = [group for group in self._groups if group.name == name]
            newest = [self._last.get(sensor.id) for group in groups for sensor in group.sensors]
            lost = any(reading is not None and reading.quality == "lost" for reading in newest)
            if not lost or not left or any(group.hanging or group.slow for group in groups):
                self._fallen.pop(name, None)
            elif time.monotonic() >= due_s:
                self._relooked_s[name] = time.monotonic()
                self._fallen[name] = time.monotonic() + RELOOK_S, left - 1
                self._look(name, RELOOK_PROBE_S, only_all=True)

    def _take_over(self, group: Group) -> None:
        """A read hangs: its sensors have timed out, and the others go on."""
        now_ns = time.monotonic_ns()
        fresh = group.hangs()
        if fresh:
            log.warning("sensors event=hang driver=%s sensors=%d", group.name, len(group.sensors))
        if not group.slow and fresh:
            self._lane += 1
            self._threads.append(threading.Thread(target=self._run, args=(self._lane,), name="sampler", daemon=True))
            self._threads[-1].start()
        if not (fresh and self._apart(group)):
            self._keep(group, group.timed_out(), now_ns)

    def _apart(self, group: Group) -> list[Group]:
        """In place of a group that hangs, one for each of its sensors, each with a thread; empty for a single one."""
        parts = group.apart()
        if parts:
            with self._lock:
                self._groups = [g for g in self._groups if g is not group] + parts
        return parts

    def _look(self, name: str, deadline_s: float = PROBE_S, *, only_all: bool = False) -> None:
        """Asks a driver what is there, and reads that from now on; `only_all`: unless something known is missing."""
        driver = self._drivers[name]
        try:
            listed = within(lambda: driver.probe(self._env), deadline_s)
        except Gone:
            self.absent[name] = f"its probe did not come back within {deadline_s:g} s"
            return
        except Exception as error:  # a driver of a third party, or a board nobody has seen: the others go on
            self.absent[name] = f"its probe failed: {type(error).__name__}: {error}"
            log.warning("sensors event=probe_failed driver=%s error=%s", name, error)
            return
        if self._env.simulated:
            listed = [replace(sensor, simulated=True) for sensor in listed]
        self.absent.pop(name, None)
        known = {sensor.id for group in self._groups if group.name == name for sensor in group.sensors}
        if not only_all or known <= {sensor.id for sensor in listed}:
            self._admit(name, driver, self._env, listed)

    def _admit(self, name: str, driver: ModuleType, env: Env, listed: list[Sensor]) -> None:
        known = [s for group in self._groups if group.name == name for s in group.sensors]
        if {s.id: s.paths for s in known} == {s.id: s.paths for s in listed}:
            return
        new = [Group(name, driver, env, list(members)) for _, members in groupby(sorted(listed, key=_rate), key=_rate)]
        stays = {sensor.id for sensor in listed}
        with self._lock:
            for gone in known:
                self.sensors.pop(gone.id, None)
                if gone.id not in stays:
                    self._last.pop(gone.id, None)
            old = [group for group in self._groups if group.name == name]
            self._groups = [group for group in self._groups if group.name != name] + new
            for sensor in listed:
                self.sensors[sensor.id] = sensor
                self._held.setdefault(sensor.id, _Held())
        for group in old:
            group.retire()
        if self._threads:
            for group in new:
                if group.slow:
                    self._threads.append(self._slow_thread(group))
                    self._threads[-1].start()

    def _keep(self, group: Group, readings: list[Reading], time_ns: int) -> None:
        with self._lock:
            for reading in readings:
                if reading.sensor_id not in self.sensors:
                    continue
                before, self._last[reading.sensor_id] = self._last.get(reading.sensor_id), reading
                fell = reading.quality == "lost" and before is not None and before.value is not None
                if fell and group.name in self._drivers:
                    earliest_s = self._relooked_s.get(group.name, -RELOOK_S) + RELOOK_S
                    self._fallen[group.name] = max(time.monotonic() + WATCH_S, earliest_s), RELOOK_MAX
                if self._active and not isinstance(reading.value, str):
                    value = math.nan if reading.value is None else reading.value
                    held, stamp_ns = self._held[reading.sensor_id], reading.time_ns or time_ns
                    if (
                        stamp_ns > held.newest_ns
                    ):  # a source with times of its own repeats a value until it has a new one
                        held.append(stamp_ns, value)

    def _hangs(self) -> bool:
        return any(group.hanging for group in self._groups)


def _rate(sensor: Sensor) -> tuple[bool, float, str]:
    return sensor.slow, sensor.every_s, sensor.device


class _Held:
    """Times with one number each, oldest first, at most HELD_MAX: 16 bytes a reading, where objects take 110."""

    def __init__(self) -> None:
        self._times, self._values = array("q"), array("d")

    def append(self, time_ns: int, value: float) -> None:
        if len(self._times) >= HELD_MAX:
            del self._times[:HELD_STEP], self._values[:HELD_STEP]
        self._times.append(time_ns)
        self._values.append(value)

    @property
    def newest_ns(self) -> int:
        return self._times[-1] if self._times else 0

    def clear(self) -> None:
        if self._times:
            self._times, self._values = array("q"), array("d")

    def window(self, start_ns: int, end_ns: int) -> tuple[array[int], array[float]]:
        chosen = slice(bisect_left(self._times, start_ns), bisect_right(self._times, end_ns))
        return self._times[chosen], self._values[chosen]
