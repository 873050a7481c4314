"""A read that never comes back takes no other reading with it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from types import ModuleType

import pytest

from benchfleet.agent.env import Env
from benchfleet.agent.sampler import Sampler
from benchfleet.agent.sensors import Reading, Sensor
from benchfleet.agent.sensors import _group as group_module


class Driver(ModuleType):
    """A driver of two sensors; while `stuck` is set, reading `bad` does not come back."""

    def __init__(self, slow: bool = False) -> None:
        super().__init__("driver")
        self.slow = slow
        self.stuck = threading.Event()
        self.released = threading.Event()
        self.entered = 0
        self.late: list[str] = []

    def probe(self, env: Env) -> list[Sensor]:
        listed = ["good", "bad", *self.late]
        return [
            Sensor(id=f"driver/{n}", kind="power_w", scope="rail", source="fake", paths=(n,), slow=self.slow)
            for n in listed
        ]

    def reader(self, env: Env, sensors: list[Sensor]) -> Driver.Reader:
        return Driver.Reader(self, sensors)

    class Reader:
        def __init__(self, driver: Driver, sensors: list[Sensor]) -> None:
            self._driver, self._sensors = driver, sensors

        def read(self) -> list[Reading]:
            if self._driver.stuck.is_set() and any(s.id == "driver/bad" for s in self._sensors):
                self._driver.entered += 1
                self._driver.released.wait(60)
            return [Reading(sensor_id=s.id, value=1.0) for s in self._sensors]

        def close(self) -> None:
            pass


class Other(Driver):
    """A driver beside it."""

    def probe(self, env: Env) -> list[Sensor]:
        return [Sensor(id="other/one", kind="load", scope="system", source="fake", paths=("one",))]


def wait_for(condition: Callable[[], bool], timeout_s: float = 20.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_module, "DEADLINE_S", 0.05)


@pytest.fixture
def driver() -> Iterator[Driver]:
    found = Driver()
    yield found
    found.released.set()


def qualities(sampler: Sampler) -> dict[str, str]:
    return {sensor.id: reading.quality for sensor, reading in sampler.latest()}


def count(sampler: Sampler, sensor_id: str) -> int:
    return next(len(s.values) for s in sampler.series(0, 2**62) if s.sensor == sensor_id)


def test_a_snapshot_comes_back_with_what_can_be_read(driver: Driver) -> None:
    driver.stuck.set()
    sampler = Sampler(drivers={"driver": driver, "other": Other()})
    sampler.snapshot()
    assert qualities(sampler) == {"driver/good": "ok", "driver/bad": "timeout", "other/one": "ok"}


def test_the_others_go_on_while_one_hangs_and_it_is_not_tried_again_before_it_comes_back(driver: Driver) -> None:
    sampler = Sampler(drivers={"driver": driver, "other": Other()})
    sampler.active(True)
    sampler.start()
    driver.stuck.set()
    wait_for(lambda: qualities(sampler)["driver/bad"] == "timeout")
    before = {name: count(sampler, name) for name in ("driver/good", "other/one")}
    wait_for(lambda: all(count(sampler, name) >= n + 3 for name, n in before.items()))
    assert driver.entered <= 2  # together with its neighbour, then alone
    driver.stuck.clear()
    driver.released.set()
    wait_for(lambda: qualities(sampler)["driver/bad"] == "ok")
    sampler.stop()


def test_what_is_slow_holds_up_nobody(driver: Driver) -> None:
    driver.slow = True
    driver.stuck.set()
    sampler = Sampler(drivers={"driver": driver, "other": Other()})
    sampler.active(True)
    sampler.start()
    wait_for(lambda: count(sampler, "other/one") >= 5)
    assert qualities(sampler)["driver/bad"] == "timeout"
    sampler.stop()


def test_a_probe_that_fails_leaves_the_other_drivers(driver: Driver) -> None:
    def broken(env: Env) -> list[Sensor]:
        raise KeyError("libamd_smi.so")

    driver.probe = broken  # type: ignore[method-assign]
    sampler = Sampler(drivers={"driver": driver, "other": Other()})
    sampler.snapshot()
    assert qualities(sampler) == {"other/one": "ok"}
    assert "KeyError" in sampler.absent["driver"]


def test_a_sensor_that_appears_late_is_found_by_the_next_look(driver: Driver) -> None:
    sampler = Sampler(drivers={"driver": driver})
    sampler.snapshot()
    driver.late.append("gpu")
    sampler.look()
    sampler.snapshot()
    assert qualities(sampler) == {"driver/good": "ok", "driver/bad": "ok", "driver/gpu": "ok"}


def test_a_read_that_raises_is_a_lost_reading(driver: Driver) -> None:
    class Raises(Driver.Reader):
        def read(self) -> list[Reading]:
            raise OSError("gone")

    driver.reader = lambda env, sensors: Raises(driver, sensors)  # type: ignore[method-assign]
    sampler = Sampler(drivers={"driver": driver})
    sampler.snapshot()
    assert qualities(sampler) == {"driver/good": "lost", "driver/bad": "lost"}
