"""What every sensor file promises: on a device that has it, on one that has nothing, and on one that breaks.

The device is the synthetic tree below; a driver that finds nothing in it is held against the first recorded board of
tests/fixtures/devices in which it finds something.
"""

from __future__ import annotations

import functools
import math
import shutil
from pathlib import Path
from types import ModuleType

import pytest

from benchfleet.agent import sensors
from benchfleet.agent.env import Env, live, replay
from benchfleet.core import plugins

DEVICES = Path(__file__).parents[1] / "fixtures/devices"

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
    "psi/cpu/some": 1e-6,
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


@functools.cache
def board(driver: str) -> Path | None:
    """The recorded board that stands for a driver; None where the synthetic tree does."""
    for folder in sorted(path for path in DEVICES.glob("*") if path.is_dir()):
        if DRIVERS[driver].probe(replay.capture(folder)):
            return folder
    return None


@pytest.fixture
def folder(driver: ModuleType, tmp_path: Path) -> Path:
    """A capture that the driver finds something in."""
    synthetic, recorded = tmp_path / "synthetic", tmp_path / "recorded"
    write(synthetic / "root", FILES)
    if driver.probe(replay.capture(synthetic)):
        return synthetic
    found = board(driver.__name__.rpartition(".")[2])
    assert found, "neither FILES nor a board of tests/fixtures/devices has anything for this driver"
    shutil.copytree(found, recorded, symlinks=True)
    return recorded


def damaged(folder: Path, env: Env, driver: ModuleType, damage: str) -> None:
    """Whatever the driver reads is gone, empty, or makes no sense."""
    text = {"empty": "", "garbage": "no number here", "not finite": "nan"}.get(damage)
    read = {env.files.real(path) for sensor in driver.probe(env) for path in sensor.paths if path.startswith("/")}
    bodies = [
        path for kind in ("cmd", "http", "lines") for path in folder.glob(f"{kind}/*") if path.name != "index.json"
    ]
    for path in [*map(Path, read), *bodies]:
        if not path.is_file():
            continue
        if text is None:
            path.unlink()
        else:
            path.write_text(text)
    for library in replay.LIBRARY_FILES:
        try:
            answers = env.libraries.load(library).answers
        except ImportError:
            continue
        said = math.nan if damage == "not finite" else "NVMLError_GpuIsLost" if text is None else text
        answers.update(dict.fromkeys(answers, said))


@every_driver
def test_absence_is_no_error(driver: ModuleType, tmp_path: Path) -> None:
    assert driver.probe(live(tmp_path)) == []


@every_driver
@pytest.mark.parametrize("damage", ["gone", "empty", "garbage", "not finite"])
def test_what_cannot_be_read_is_none_with_a_quality_and_never_zero(
    driver: ModuleType, folder: Path, damage: str
) -> None:
    env = replay.capture(folder)
    found = driver.probe(env)
    reader = driver.reader(env, found)
    reader.read()
    damaged(folder, env, driver, damage)
    for sensor, reading in zip(found, reader.read(), strict=True):
        if not sensor.unit and damage in ("garbage", "not finite"):
            continue  # any word may be the name of a mode
        assert reading.value is None, reading
        assert reading.quality in sensors.QUALITIES[1:]
    reader.close()


@every_driver
def test_a_sensor_that_comes_back_is_read_again(driver: ModuleType, folder: Path) -> None:
    env = replay.capture(folder)
    found = driver.probe(env)
    reader = driver.reader(env, found)
    before = {r.sensor_id: r.value for r in reader.read()}
    answers = {name: dict(env.libraries.load(name).answers) for name in replay.LIBRARY_FILES if has(env, name)}
    texts = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and not path.is_symlink()}
    damaged(folder, env, driver, "empty")
    assert all(reading.value is None for reading in reader.read())
    for path, text in texts.items():
        path.write_bytes(text)
    for name, said in answers.items():
        env.libraries.load(name).answers.update(said)
    if folder.name == "synthetic":
        write(folder / "root", LATER)
        before = {s.id: EXPECTED[s.id] for s in found}
    assert {r.sensor_id: r.value for r in reader.read()} == before
    reader.close()


def has(env: Env, library: str) -> bool:
    try:
        env.libraries.load(library)
    except ImportError:
        return False
    return True


@every_driver
def test_each_sensor_has_one_reading_under_its_own_id(driver: ModuleType, folder: Path) -> None:
    env = replay.capture(folder)
    found = driver.probe(env)
    ids = [sensor.id for sensor in found]
    assert len(ids) == len(set(ids))
    reader = driver.reader(env, found)
    assert [reading.sensor_id for reading in reader.read()] == ids
    reader.close()


@every_driver
def test_what_a_sensor_says_of_itself_is_of_the_vocabulary(driver: ModuleType, folder: Path) -> None:
    for sensor in driver.probe(replay.capture(folder)):
        assert sensor.kind in sensors.UNITS
        assert sensor.scope in sensors.SCOPES
        assert sensor.semantics in ("gauge", "counter", "state")
        assert sensor.paths


@every_driver
def test_a_closed_reader_holds_no_file(driver: ModuleType, folder: Path) -> None:
    def held() -> set[str]:
        links = Path("/proc/self/fd").iterdir()
        return {target for link in links if (target := str(_target(link))).startswith(str(folder))}

    env = replay.capture(folder)
    reader = driver.reader(env, driver.probe(env))
    reader.read()
    reader.close()
    assert held() == set()


def _target(link: Path) -> Path:
    try:
        return link.readlink()
    except OSError:  # the handle of the listing itself
        return link


def test_the_values_are_in_base_units(tmp_path: Path) -> None:
    write(tmp_path, FILES)
    env = live(tmp_path)
    readers = [driver.reader(env, driver.probe(env)) for driver in DRIVERS.values()]
    for reader in readers:
        reader.read()
    write(tmp_path, LATER)
    readings = [reading for reader in readers for reading in reader.read()]
    assert {r.sensor_id: r.value for r in readings} == EXPECTED
    assert all(r.value is not None and math.isfinite(r.value) for r in readings)
    for reader in readers:
        reader.close()
