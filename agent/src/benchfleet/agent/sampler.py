"""Reads every sensor on a thread of its own, at a jittered rate, and knows what that costs."""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from pathlib import Path

from benchfleet.agent import sensors
from benchfleet.agent.sensors import Reading, Sensor
from benchfleet.core import plugins
from benchfleet.core.samples import SensorSeries

ACTIVE_HZ = 10.0
IDLE_HZ = 0.2
HELD_MAX = 20_000
"""Readings kept per sensor: half an hour at 10 Hz."""


class Sampler:
    """Start it, tell it when something is measured, ask it for windows."""

    def __init__(self, root: Path = Path("/")) -> None:
        self._root = root
        self._drivers = plugins.load_all(sensors.PACKAGE, sensors.GROUP)
        self._found: dict[str, list[Sensor]] = {name: d.probe(root) for name, d in self._drivers.items()}
        self.sensors: dict[str, Sensor] = {s.id: s for listed in self._found.values() for s in listed}
        self._held: dict[str, deque[tuple[int, float | None]]] = {i: deque(maxlen=HELD_MAX) for i in self.sensors}
        self._last: dict[str, Reading] = {}
        self._costs: deque[tuple[int, int]] = deque(maxlen=HELD_MAX)
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._active = self._ending = False
        self._random = random.Random()
        self._thread = threading.Thread(target=self._run, name="sampler", daemon=True)

    def start(self) -> None:
        """Begins to read."""
        self.read_once()
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread."""
        self._ending = True
        self._wake.set()
        self._thread.join(5)

    def active(self, active: bool) -> None:
        """10 Hz while something is measured, once in five seconds otherwise."""
        self._active = active
        self._wake.set()

    def read_once(self) -> None:
        """Reads everything now."""
        started = time.thread_time_ns()
        for name, driver in self._drivers.items():
            now_ns = time.monotonic_ns()
            readings = driver.read(self._root, self._found[name])
            with self._lock:
                for reading in readings:
                    self._held[reading.sensor_id].append((now_ns, reading.value))
                    self._last[reading.sensor_id] = reading
        self._costs.append((time.monotonic_ns(), time.thread_time_ns() - started))

    def latest(self) -> list[tuple[Sensor, Reading]]:
        """The newest reading of every sensor."""
        with self._lock:
            return [(self.sensors[i], reading) for i, reading in self._last.items()]

    def series(self, start_ns: int, end_ns: int) -> tuple[SensorSeries, ...]:
        """All readings in a window."""
        found = []
        with self._lock:
            for sensor in self.sensors.values():
                chosen = [(t, v) for t, v in self._held[sensor.id] if start_ns <= t <= end_ns]
                found.append(
                    SensorSeries(
                        sensor=sensor.id,
                        kind=sensor.kind,
                        scope=sensor.scope,
                        source=sensor.source,
                        times_ns=tuple(t for t, _ in chosen),
                        values=tuple(v for _, v in chosen),
                    )
                )
        return tuple(found)

    def cpu_ratio(self, start_ns: int, end_ns: int) -> float | None:
        """CPU time of reading over the length of a window."""
        if end_ns <= start_ns:
            return None
        return sum(cost for t, cost in list(self._costs) if start_ns <= t <= end_ns) / (end_ns - start_ns)

    def _run(self) -> None:
        while not self._ending:
            period_s = 1 / (ACTIVE_HZ if self._active else IDLE_HZ)
            # Jittered: a fixed rate never sees a load whose period divides it.
            self._wake.wait(period_s * self._random.uniform(0.5, 1.5))
            self._wake.clear()
            if not self._ending:
                self.read_once()
