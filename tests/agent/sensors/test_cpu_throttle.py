"""Counters of throttling of x86: a package once, a core once, however many threads it has."""

from __future__ import annotations

import shutil
from pathlib import Path

from benchfleet.agent.env import replay
from benchfleet.agent.sensors import cpu_throttle

TWO_PACKAGES = Path(__file__).parents[2] / "fixtures/devices/synthetic-x86-throttled"


def test_two_threads_of_a_core_are_counted_once() -> None:
    found = {s.id: s for s in cpu_throttle.probe(replay.capture(TWO_PACKAGES))}
    assert len(found) == 8
    cores = found["cpu_throttle/package-1/cores/count"]
    assert [path.split("/")[5] for path in cores.paths] == ["cpu4", "cpu6"]
    assert (cores.derived, cores.semantics, cores.part) == (True, "counter", "cpu")


def test_a_core_that_goes_offline_loses_the_sum_of_its_package_alone(tmp_path: Path) -> None:
    copy = Path(shutil.copytree(TWO_PACKAGES, tmp_path / "copy"))
    env = replay.capture(copy)
    sensors = cpu_throttle.probe(env)
    shutil.rmtree(copy / "root/sys/devices/system/cpu/cpu6/thermal_throttle")
    found = {r.sensor_id: r for r in cpu_throttle.reader(env, sensors).read()}
    assert found["cpu_throttle/package-1/cores/count"].quality == "lost"
    assert found["cpu_throttle/package-1/count"].value == 8
    assert found["cpu_throttle/package-0/cores/count"].value == 1
