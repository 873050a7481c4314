"""The sensors of one driver that are read together: at one rate, on one thread, until one of them hangs."""

from __future__ import annotations

import threading
import time
from types import ModuleType

from benchfleet.agent.env import Env
from benchfleet.agent.sensors import Reader, Reading, Sensor

DEADLINE_S = 0.5
"""Of a read: files take microseconds, the slowest firmware 25 ms, a meter in the network 200 ms."""
LATE_MAX = 3
"""So many reads in a row that came back after their deadline, and the sensor is left alone for a while."""
REST_S = 30.0


class Group:
    """One reader, when it is due, and whether it can be trusted to come back.

    A read that has not come back is not tried again before it does, so that at most one thread hangs for a sensor.
    """

    def __init__(self, name: str, driver: ModuleType, env: Env, sensors: list[Sensor]) -> None:
        self.name, self.sensors = name, sensors
        self.slow = sensors[0].slow
        self.every_s = max(sensor.every_s for sensor in sensors)
        self.deadline_s = max(DEADLINE_S, 4 * max(sensor.cost_s or 0.0 for sensor in sensors))
        self.hanging = False
        self._driver, self._env = driver, env
        self._reader: Reader = driver.reader(env, sensors)
        self._last_ns = self._rest_ns = self._began_ns = 0
        self._late = 0
        self._retired = False
        self._lock = threading.Lock()

    def due(self, now_ns: int, at_least_s: float = 0.0) -> bool:
        """Whether to read it now; no more often than each `at_least_s`."""
        if self.hanging or self._began_ns or now_ns < self._rest_ns:
            return False
        return not self._last_ns or now_ns >= self._last_ns + max(self.every_s, at_least_s) * 1e9

    def read(self) -> list[Reading]:
        """One reading per sensor; a broken promise of a driver (it raises) is a reading that was lost."""
        self._began_ns = self._last_ns = began_ns = time.monotonic_ns()
        try:
            readings = self._reader.read()
        except Exception as error:  # a driver of a third party; the others go on
            why = f"{type(error).__name__}: {error}"
            readings = [Reading(sensor_id=s.id, value=None, quality="lost", detail=why) for s in self.sensors]
        self._came_back(time.monotonic_ns() - began_ns)
        return readings

    def overdue(self, now_ns: int) -> bool:
        """Whether a read is under way for longer than its deadline."""
        began_ns = self._began_ns
        return bool(began_ns) and now_ns - began_ns > self.deadline_s * 1e9

    def hangs(self) -> bool:
        """Notes that its read hangs; whether that is news."""
        fresh, self.hanging = not self.hanging, True
        return fresh

    def timed_out(self) -> list[Reading]:
        """What its sensors say while it hangs."""
        why = f"no answer within {self.deadline_s:g} s"
        return [Reading(sensor_id=s.id, value=None, quality="timeout", detail=why) for s in self.sensors]

    def apart(self) -> list[Group]:
        """One group for each of its sensors; empty where there is but one, or where they are slow together."""
        if len(self.sensors) == 1 or self.slow:
            return []
        self._retired = True
        return [Group(self.name, self._driver, self._env, [sensor]) for sensor in self.sensors]

    def retire(self) -> None:
        """It is not read again; it is closed as soon as nobody reads it."""
        with self._lock:
            self._retired = True
            free = not self._began_ns
        if free:
            self.close()

    def close(self) -> None:
        """Lets go of what it holds, unless a read of it is under way."""
        if not self._began_ns:
            self._reader.close()

    def _came_back(self, took_ns: int) -> None:
        self._late = self._late + 1 if took_ns > self.deadline_s * 1e9 else 0
        with self._lock:
            self._began_ns, self.hanging = 0, False
            retired = self._retired
        if self._late >= LATE_MAX:
            self._late, self._rest_ns = 0, time.monotonic_ns() + round(REST_S * 1e9)
        if retired:
            self._reader.close()
