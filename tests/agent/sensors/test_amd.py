"""AMD GPUs: a counter that stands still is no energy, and a wrapper without its library is no error."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchfleet.agent.env import Env, replay
from benchfleet.agent.env.libraries import Importable
from benchfleet.agent.sensors import amd

DEVICES = Path(__file__).parents[2] / "fixtures/devices"
MI100 = DEVICES / "synthetic-mi100"
ENERGY = "amd/0000:03:00.0/energy"


@pytest.fixture
def mi100() -> Env:
    return replay.capture(MI100)


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    time_s = [100.0]
    monkeypatch.setattr(amd.time, "monotonic", lambda: time_s[0])
    return time_s


def test_a_wrapper_that_prints_and_raises_without_rocm_leaves_the_files(
    mi100: Env, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "amdsmi.py").write_text("print('no library')\nraise KeyError('libamd_smi.so')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    ids = [s.id for s in amd.probe(replace(mi100, libraries=Importable()))]
    assert ENERGY not in ids
    assert "amd/0000:03:00.0/power" in ids
    assert capsys.readouterr().out == ""  # where results are written


def test_a_counter_that_stands_still_is_stale_and_no_energy(mi100: Env, now: list[float]) -> None:
    reader = amd.reader(mi100, amd.probe(mi100))
    found = {r.sensor_id: r for r in reader.read()}
    assert found[ENERGY].value == pytest.approx(15812.84, rel=1e-6)
    now[0] += amd.FROZEN_S + 0.1
    found = {r.sensor_id: r for r in reader.read()}
    assert (found[ENERGY].value, found[ENERGY].quality) == (None, "stale")
    assert found["amd/0000:03:00.0/power"].value == 34


def test_a_counter_that_moves_again_is_read_again(mi100: Env, now: list[float]) -> None:
    reader = amd.reader(mi100, amd.probe(mi100))
    reader.read()
    now[0] += 5.0
    said: dict[str, Any] = mi100.libraries.load("amdsmi").answers["amdsmi_get_energy_count"]
    said["energy_accumulator"] += 10_000_000
    found = {r.sensor_id: r for r in reader.read()}[ENERGY]
    assert (found.quality, found.value) == ("ok", pytest.approx(15812.84 + 153, rel=1e-6))


@pytest.mark.parametrize("text", ["1: 1502Mhz", "", "no clocks"])
def test_a_clock_that_is_not_marked_is_none(tmp_path: Path, text: str) -> None:
    copy = Path(shutil.copytree(MI100, tmp_path / "copy", symlinks=True))
    env = replay.capture(copy)
    sensors = amd.probe(env)
    (copy / "root/sys/devices/pci0000:00/0000:03:00.0/pp_dpm_sclk").write_text(text)
    found = {r.sensor_id: r for r in amd.reader(env, sensors).read()}
    assert (found["amd/0000:03:00.0/clock"].value, found["amd/0000:03:00.0/clock"].quality) == (None, "lost")
    assert found["amd/0000:03:00.0/utilization"].value == 0


def test_power_of_the_moment_goes_before_a_mean() -> None:
    found = {s.id.rpartition("/")[2]: s for s in amd.probe(replay.capture(DEVICES / "synthetic-amd-apu"))}
    assert (found["power"].rank, found["power_average"].rank) == (20, 30)
    assert "CPU of an APU" in found["power"].includes


def test_the_library_tells_the_power_that_the_kernel_does_not_show(tmp_path: Path) -> None:
    shutil.copy(MI100 / "amdsmi.json", tmp_path)
    env = replay.capture(tmp_path)
    readings = amd.reader(env, amd.probe(env)).read()
    assert {r.sensor_id: r.value for r in readings}["amd/0000:03:00.0/power"] == 34
