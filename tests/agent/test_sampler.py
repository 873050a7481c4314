"""The sampler keeps what is read while something is measured, and tells what it cost and how late it was."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from benchfleet.agent import sampler as module
from benchfleet.agent.env import live
from benchfleet.agent.sampler import Sampler

WINDOW = (0, 2**62)


PERIOD_NS = 5_000_000
"""Of a sampler at the 200 Hz that some tests set."""
POLICY = "sys/devices/system/cpu/cpufreq/policy0"
"""Of a sensor that is read each time."""


def write(root: Path, text: str) -> None:
    (root / POLICY / "scaling_cur_freq").write_text(text)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / POLICY).mkdir(parents=True)
    write(tmp_path, "500")
    return tmp_path


def wait_for(condition: Callable[[], bool], timeout_s: float = 20.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def wait_until(time_ns: int) -> None:
    wait_for(lambda: time.monotonic_ns() >= time_ns)


def test_readings_of_a_window_come_with_their_times(root: Path) -> None:
    sampler = Sampler(live(root))
    sampler.active(True)
    sampler.read_once()
    between = time.monotonic_ns()
    write(root, "garbage")
    sampler.read_once()
    (all_of_it,) = sampler.series(*WINDOW)
    (late_half,) = sampler.series(between, WINDOW[1])
    assert all_of_it.values == (500_000, None)
    assert late_half.values == (None,)
    assert sorted(all_of_it.times_ns) == list(all_of_it.times_ns)
    sampler.stop()


def test_what_the_kernel_makes_anew_each_few_seconds_is_read_no_more_often(root: Path) -> None:
    (root / "proc/pressure").mkdir(parents=True)
    (root / "proc/pressure/cpu").write_text("some avg10=1.00 avg60=0.00\n")
    sampler = Sampler(live(root))
    sampler.active(True)
    for _ in range(3):
        sampler.read_once()
    counts = {series.sensor: len(series.values) for series in sampler.series(*WINDOW)}
    assert counts == {"cpufreq/policy0": 3, "psi/cpu": 1}
    sampler.stop()


def test_what_is_read_while_idle_is_shown_and_not_kept(root: Path) -> None:
    sampler = Sampler(live(root))
    sampler.active(True)
    sampler.read_once()
    sampler.active(False)
    assert sampler.series(*WINDOW)[0].values == (500_000,)  # the measurement that ended may still ask
    sampler.read_once()
    assert sampler.series(*WINDOW)[0].values == ()
    assert [reading.value for _, reading in sampler.latest()] == [500_000]
    assert sampler.late_ratio(*WINDOW) is None
    sampler.stop()


def test_what_is_held_is_bounded_and_the_oldest_leave(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "HELD_MAX", 10)
    monkeypatch.setattr(module, "HELD_STEP", 5)
    sampler = Sampler(live(root))
    sampler.active(True)
    for number in range(23):
        write(root, str(number))
        sampler.read_once()
    values = sampler.series(*WINDOW)[0].values
    assert len(values) <= 10
    assert values[-1] == 22_000
    assert list(values) == sorted(values)  # type: ignore[type-var]
    sampler.stop()


def test_a_sample_that_is_late_by_periods_stands_for_each_of_them(root: Path) -> None:
    sampler = Sampler(live(root))
    sampler.active(True)
    for late in (0, 0, 0, 0, 0, 0, 0, 3):
        sampler.read_once(late_periods=late)
    assert sampler.late_ratio(*WINDOW) == pytest.approx(0.3)
    sampler.stop()


def test_a_thread_that_is_held_up_says_so(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ACTIVE_HZ", 200.0)
    sampler = Sampler(live(root))
    sampler.active(True)
    sampler.start()
    try:
        wait_for(lambda: len(sampler.series(*WINDOW)[0].values) >= 3)
        held_ns = time.monotonic_ns()
        with sampler._lock:  # what a slow sensor or a starved machine does
            wait_until(held_ns + 20 * PERIOD_NS)
        wait_for(lambda: sampler.late_ratio(held_ns, WINDOW[1]) is not None)
        wait_for(lambda: (sampler.late_ratio(held_ns, WINDOW[1]) or 0) > 0)
    finally:
        sampler.stop()


def test_a_paused_sampler_reads_nothing_and_is_not_late_for_it(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ACTIVE_HZ", 200.0)
    sampler = Sampler(live(root))
    sampler.active(True)
    sampler.start()

    def count() -> int:
        return len(sampler.series(*WINDOW)[0].values)

    try:
        wait_for(lambda: count() >= 3)
        sampler.pause(True)
        write(root, "77000")
        wait_for(lambda: not sampler._wake.is_set())
        paused_ns = time.monotonic_ns()
        wait_until(paused_ns + 20 * PERIOD_NS)
        assert sampler.late_ratio(paused_ns + 20_000_000, WINDOW[1]) is None
        sampler.pause(False)
        wait_for(lambda: sampler.series(paused_ns, WINDOW[1])[0].values[-1:] == (77_000_000.0,))
        held = [late for late in sampler._lates.window(paused_ns, WINDOW[1])[1] if late >= 10]
        assert held == []
    finally:
        sampler.stop()


def test_a_stopped_sampler_holds_no_file(root: Path) -> None:
    sampler = Sampler(live(root))
    sampler.start()
    wait_for(lambda: bool(sampler.latest()))
    sampler.stop()
    held = [str(link.readlink()) for link in Path("/proc/self/fd").iterdir() if link.is_symlink() and link.exists()]
    assert not [path for path in held if path.startswith(str(root))]


def test_a_chip_that_is_bound_anew_is_read_again_under_its_id_while_something_is_measured(tmp_path: Path) -> None:
    def chip(number: int, ma: int) -> Path:
        folder = tmp_path / f"sys/bus/i2c/devices/1-0040/hwmon/hwmon{number}"
        folder.mkdir(parents=True)
        for name, text in (("name", "ina3221"), ("in1_label", "VDD_IN"), ("in1_input", 5000), ("curr1_input", ma)):
            (folder / name).write_text(f"{text}\n")
        return folder

    def newest() -> tuple[str, object]:
        readings = {sensor.id: reading for sensor, reading in sampler.latest()}
        found = readings["ina3221/1-0040/VDD_IN/power"]
        return found.quality, found.value

    old = chip(3, 1000)
    sampler = Sampler(live(tmp_path))
    sampler.active(True)
    sampler.start()
    try:
        assert newest() == ("ok", 5.0)
        shutil.rmtree(old)
        wait_for(lambda: newest() == ("lost", None))
        chip(7, 2000)
        wait_for(lambda: newest() == ("ok", 10.0))
        (power,) = (s for s in sampler.series(*WINDOW) if s.sensor == "ina3221/1-0040/VDD_IN/power")
        assert {5.0, None, 10.0} <= set(power.values), "what was read before is kept"
    finally:
        sampler.stop()
