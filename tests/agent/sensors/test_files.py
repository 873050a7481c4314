"""Files of the kernel that are held open: what is read is always new, and what goes away is lost, not remembered."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from benchfleet.agent.env import live
from benchfleet.agent.sensors import Sensor
from benchfleet.agent.sensors._files import Files, checked, first_number

NO_NUMBERS = ("5_0000", "0x4c58", "nan", "inf", "12abc", " \n", "1e9")


def sensor(path: str) -> Sensor:
    return Sensor(id=path, kind="load", scope="system", source="procfs", paths=(path,))


def test_a_kernel_file_whose_owner_is_gone_is_lost_though_it_is_held_open() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    reader = Files(live(), [sensor(f"/proc/{child.pid}/oom_score")], first_number)
    try:
        (before,) = reader.read()
        assert before.value is not None
    finally:
        child.communicate(b"\n")
    (after,) = reader.read()
    assert (after.value, after.quality) == (None, "lost")
    reader.close()


def test_each_reading_is_made_anew_from_a_file_that_stays_open() -> None:
    reader = Files(live(), [sensor("/proc/uptime")], first_number)
    first = reader.read()[0].value
    assert first is not None
    while (now := reader.read()[0].value) == first:
        pass  # a hundredth of a second; the test's own time limit is the bound
    assert now is not None
    assert now > first
    reader.close()


def test_sensors_of_one_file_are_read_at_one_moment() -> None:
    one, two = (
        sensor("/proc/uptime"),
        Sensor(id="two", kind="load", scope="system", source="procfs", paths=("/proc/uptime",)),
    )
    reader = Files(live(), [one, two], first_number)
    first, second = reader.read()
    assert first.value == second.value
    assert reader.read()[0].value is not None
    reader.close()


@pytest.mark.parametrize("text", NO_NUMBERS)
def test_what_python_takes_for_a_number_and_no_kernel_writes_is_none(text: str, tmp_path: Path) -> None:
    (tmp_path / "value").write_text(text)
    reader = Files(live(tmp_path), [sensor("/value")], first_number)
    (reading,) = reader.read()
    assert reading.value is None
    assert "is no number" in reading.detail or reading.detail == "it is empty"
    reader.close()


def test_a_plain_file_that_is_removed_or_replaced_is_not_remembered(tmp_path: Path) -> None:
    file = tmp_path / "value"
    file.write_text("5")
    reader = Files(live(tmp_path), [sensor("/value")], first_number)
    assert reader.read()[0].value == 5
    (tmp_path / "new").write_text("6")
    os.replace(tmp_path / "new", file)
    assert reader.read()[0].value == 6
    file.unlink()
    (gone,) = reader.read()
    assert (gone.value, gone.quality) == (None, "lost")
    file.write_text("7")
    assert reader.read()[0].value == 7
    reader.close()


@pytest.mark.parametrize(("value", "quality"), [(65.0, "ok"), (65.1, "ok"), (1e20, "implausible")])
def test_a_counter_beyond_where_it_begins_again_is_none(value: float, quality: str) -> None:
    counter = replace(sensor("/energy_uj"), kind="energy_j", semantics="counter", wrap=65.1)
    found = checked(counter, value)
    assert (found.quality, found.value is None) == (quality, quality != "ok")
