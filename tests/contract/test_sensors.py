"""What every sensor file promises, on a synthetic tree, on an empty one, and on one that breaks while it is read."""

from __future__ import annotations

import math
from pathlib import Path
from types import ModuleType

import pytest

from benchfleet.agent import sensors
from benchfleet.agent.env import live
from benchfleet.core import plugins

FILES = {
    "proc/loadavg": "0.50 0.40 0.30 1/100 1000\n",
    "proc/meminfo": "MemTotal: 1000 kB\nMemFree: 100 kB\nMemAvailable: 400 kB\n",
    "proc/pressure/cpu": "some avg10=12.50 avg60=0.00 avg300=0.00 total=1\n",
    "proc/stat": "cpu  100 0 100 700 100 0 0 0 0 0\ncpu0 100 0 100 700 100 0 0 0 0 0\nintr 1\n",
    "run/benchfleet/simulated_power.json": '{"sensors": [{"name": "board", "low_w": 7.5}]}',
    "sys/class/thermal/thermal_zone0/type": "soc\n",
    "sys/class/thermal/thermal_zone0/temp": "45500\n",
    "sys/class/thermal/thermal_zone1/type": "soc\n",
    "sys/class/thermal/thermal_zone1/temp": "46000\n",
    "sys/devices/system/cpu/cpufreq/policy0/scaling_cur_freq": "1500000\n",
}
LATER = {"proc/stat": "cpu  130 0 110 750 100 0 0 10 0 0\ncpu0 130 0 110 750 100 0 0 10 0 0\nintr 1\n"}
"""A hundred ticks on: 40 in use, 10 stolen, 50 idle."""
EXPECTED = {
    "procfs/load_1min": 0.5,
    "procfs/memory_used": 600 * 1024,
    "psi/cpu": 0.125,
    "simulated/board": 7.5,
    "cpu_time/utilization": 0.4,
    "cpu_time/steal": 0.1,
    "thermal_zone/soc": 45.5,
    "thermal_zone/soc-2": 46.0,
    "cpufreq/policy0": 1.5e9,
}
DRIVERS = plugins.load_all(sensors.PACKAGE, sensors.GROUP)
every_driver = pytest.mark.parametrize("driver", DRIVERS.values(), ids=list(DRIVERS))


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    write(tmp_path, FILES)
    return tmp_path


@every_driver
def test_absence_is_no_error(driver: ModuleType, tmp_path: Path) -> None:
    assert driver.probe(live(tmp_path)) == []


@every_driver
@pytest.mark.parametrize("damage", ["gone", "empty", "garbage", "not finite"])
def test_what_cannot_be_read_is_none_with_a_quality_and_never_zero(driver: ModuleType, tree: Path, damage: str) -> None:
    found = driver.probe(live(tree))
    assert found
    reader = driver.reader(live(tree), found)
    if damage != "gone":  # a plain file that is held open stays readable; those of the kernel do not
        reader.read()
    for path in {tree / path.lstrip("/") for sensor in found for path in sensor.paths}:
        if damage == "gone":
            path.unlink()
        else:
            path.write_text({"empty": "", "garbage": "no number here", "not finite": "nan"}[damage])
    for reading in reader.read():
        assert reading.value is None
        assert reading.quality in sensors.QUALITIES[1:]
    reader.close()


@every_driver
def test_a_sensor_that_comes_back_is_read_again(driver: ModuleType, tree: Path) -> None:
    found = driver.probe(live(tree))
    reader = driver.reader(live(tree), found)
    reader.read()
    write(tree, dict.fromkeys(FILES, ""))
    assert all(reading.value is None for reading in reader.read())
    write(tree, FILES | LATER)
    assert {r.sensor_id: r.value for r in reader.read()} == {s.id: EXPECTED[s.id] for s in found}
    reader.close()


@every_driver
def test_each_sensor_has_one_reading_under_its_own_id(driver: ModuleType, tree: Path) -> None:
    found = driver.probe(live(tree))
    ids = [sensor.id for sensor in found]
    assert len(ids) == len(set(ids))
    reader = driver.reader(live(tree), found)
    assert [reading.sensor_id for reading in reader.read()] == ids
    reader.close()


@every_driver
def test_a_closed_reader_holds_no_file(driver: ModuleType, tree: Path) -> None:
    def held() -> set[str]:
        links = Path("/proc/self/fd").iterdir()
        return {target for link in links if (target := str(_target(link))).startswith(str(tree))}

    reader = driver.reader(live(tree), driver.probe(live(tree)))
    reader.read()
    reader.close()
    assert held() == set()


def _target(link: Path) -> Path:
    try:
        return link.readlink()
    except OSError:  # the handle of the listing itself
        return link


def test_the_values_are_in_base_units(tree: Path) -> None:
    readers = [driver.reader(live(tree), driver.probe(live(tree))) for driver in DRIVERS.values()]
    for reader in readers:
        reader.read()
    write(tree, LATER)
    readings = [reading for reader in readers for reading in reader.read()]
    assert {r.sensor_id: r.value for r in readings} == EXPECTED
    assert all(r.value is not None and math.isfinite(r.value) for r in readings)
    for reader in readers:
        reader.close()
