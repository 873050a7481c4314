"""Intel GPUs: a counter that leaps is not believed, a sleeping clock is not zero."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from benchfleet.agent.env import replay
from benchfleet.agent.sensors import intel_gpu

DEVICES = Path(__file__).parents[2] / "fixtures/devices"
ENERGY = "intel_gpu/0000:03:00.0/energy"
FILE = "root/sys/devices/pci0000:00/0000:03:00.0/hwmon/hwmon4/energy1_input"


@pytest.fixture
def arc(tmp_path: Path) -> Path:
    return Path(shutil.copytree(DEVICES / "synthetic-arc-i915", tmp_path / "arc", symlinks=True))


@pytest.mark.parametrize("microjoules", [10, 123456789012 + 3_690_000_000_000_000_000, -1])
def test_a_counter_that_leaps_or_goes_back_is_implausible_once(arc: Path, microjoules: int) -> None:
    env = replay.capture(arc)
    reader = intel_gpu.reader(env, intel_gpu.probe(env))
    reader.read()
    (arc / FILE).write_text(f"{microjoules}\n")
    found = {r.sensor_id: r for r in reader.read()}
    assert (found[ENERGY].value, found[ENERGY].quality) == (None, "implausible")
    assert found["intel_gpu/0000:03:00.0/clock"].value == 2.4e9
    reader.close()


def test_what_a_card_can_draw_is_believed(arc: Path) -> None:
    env = replay.capture(arc)
    reader = intel_gpu.reader(env, intel_gpu.probe(env))
    reader.read()
    (arc / FILE).write_text(f"{123456789012 + 20_000_000}\n")
    assert {r.sensor_id: r.value for r in reader.read()}[ENERGY] == pytest.approx(123476.789012)
    reader.close()


def test_the_card_stands_for_the_gpu_and_its_package_does_not() -> None:
    found = {s.id: s for s in intel_gpu.probe(replay.capture(DEVICES / "synthetic-arc-xe"))}
    assert found["intel_gpu/0000:03:00.0/energy"].scope == "component"
    assert found["intel_gpu/0000:03:00.0/pkg/energy"].scope == "rail"
    assert found["intel_gpu/0000:03:00.0/vram/temperature"].part == "memory"


def test_an_npu_of_which_only_its_files_were_recorded_is_found(tmp_path: Path) -> None:
    folder = tmp_path / "root/sys/devices/pci0000:00/0000:00:0b.0"
    folder.mkdir(parents=True)
    (folder / "npu_current_frequency_mhz").write_text("0\n")
    (folder / "npu_busy_time_us").write_text("1500000\n")
    env = replay.capture(tmp_path)
    readings = {r.sensor_id: r for r in intel_gpu.reader(env, intel_gpu.probe(env)).read()}
    assert readings["intel_gpu/0000:00:0b.0/npu/busy"].value == 1.5
    assert readings["intel_gpu/0000:00:0b.0/npu/clock"].quality == "gated"
