"""What every sensor file promises, on a synthetic tree, on an empty one, and on one that breaks while it is read."""

from __future__ import annotations

import math
from pathlib import Path
from types import ModuleType

import pytest

from benchfleet.agent import sensors
from benchfleet.core import plugins

FILES = {
    "proc/loadavg": "0.50 0.40 0.30 1/100 1000\n",
    "proc/meminfo": "MemTotal: 1000 kB\nMemFree: 100 kB\nMemAvailable: 400 kB\n",
    "proc/pressure/cpu": "some avg10=12.50 avg60=0.00 avg300=0.00 total=1\n",
    "sys/class/thermal/thermal_zone0/type": "soc\n",
    "sys/class/thermal/thermal_zone0/temp": "45500\n",
    "sys/class/thermal/thermal_zone1/type": "soc\n",
    "sys/class/thermal/thermal_zone1/temp": "46000\n",
    "sys/devices/system/cpu/cpufreq/policy0/scaling_cur_freq": "1500000\n",
}
EXPECTED = {
    "procfs/load_1min": 0.5,
    "procfs/memory_used": 600 * 1024,
    "psi/cpu": 0.125,
    "thermal_zone/soc": 45.5,
    "thermal_zone/soc-2": 46.0,
    "cpufreq/policy0": 1.5e9,
}
DRIVERS = plugins.load_all(sensors.PACKAGE, sensors.GROUP)
every_driver = pytest.mark.parametrize("driver", DRIVERS.values(), ids=list(DRIVERS))


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


@every_driver
def test_absence_is_no_error(driver: ModuleType, tmp_path: Path) -> None:
    assert driver.probe(tmp_path) == []


@every_driver
@pytest.mark.parametrize("damage", ["gone", "empty", "garbage"])
def test_what_cannot_be_read_is_none_with_a_quality_and_never_zero(driver: ModuleType, tree: Path, damage: str) -> None:
    found = driver.probe(tree)
    assert found
    for sensor in found:
        path = tree / sensor.path.lstrip("/")
        if damage == "gone":
            path.unlink(missing_ok=True)
        elif path.exists():
            path.write_text("" if damage == "empty" else "no number here")
    for reading in driver.read(tree, found):
        assert reading.value is None
        assert reading.quality not in ("", "ok")


@every_driver
def test_each_sensor_has_one_reading_under_its_own_id(driver: ModuleType, tree: Path) -> None:
    found = driver.probe(tree)
    ids = [sensor.id for sensor in found]
    assert len(ids) == len(set(ids))
    assert [reading.sensor_id for reading in driver.read(tree, found)] == ids


def test_the_values_are_in_base_units(tree: Path) -> None:
    readings = [r for driver in DRIVERS.values() for r in driver.read(tree, driver.probe(tree))]
    assert {r.sensor_id: r.value for r in readings} == EXPECTED
    assert all(r.value is not None and math.isfinite(r.value) for r in readings)
