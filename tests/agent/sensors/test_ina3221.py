"""Rails and totals where the recorded boards do not reach: what fails while it is read, and what nobody can know."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from benchfleet.agent.env import live, replay
from benchfleet.agent.sensors import Reading, Sensor, _jetson_totals, ina238, ina3221

DEVICES = Path(__file__).parents[2] / "fixtures/devices"
AGX, NANO, NX = "jetson-agx-orin-jp5-two-chips", "jetson-nano-jp4-iio-synthetic", "jetson-orin-nx-boxer-synthetic"
THOR = "jetson-agx-thor-idle-synthetic"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return tmp_path / "root"


def board(tree: Path, name: str) -> Path:
    shutil.copytree(DEVICES / name / "root", tree, symlinks=True)
    return tree


def probed(tree: Path) -> dict[str, Sensor]:
    return {sensor.id: sensor for sensor in ina3221.probe(live(tree))}


def readings(tree: Path) -> dict[str, Reading]:
    reader = ina3221.reader(live(tree), list(probed(tree).values()))
    try:
        return {reading.sensor_id: reading for reading in reader.read()}
    finally:
        reader.close()


def hwmon(tree: Path, address: str = "1-0040") -> Path:
    return next((tree / f"sys/bus/i2c/devices/{address}/hwmon").glob("hwmon*"))


def test_a_rail_that_vanishes_between_reads_takes_the_total_and_no_other_rail(tree: Path) -> None:
    folder = hwmon(board(tree, AGX))
    reader = ina3221.reader(live(tree), ina3221.probe(live(tree)))
    reader.read()
    (folder / "curr3_input").write_text("")  # a file of the kernel whose device has gone reads so, or fails
    (folder / "curr3_input").unlink()
    found = {reading.sensor_id: reading for reading in reader.read()}
    reader.close()
    assert found["ina3221/1-0040/VIN_SYS_5V0/power"].quality == "lost"
    assert found["ina3221/1-0040/VIN_SYS_5V0/voltage"].value == 5.056
    assert found["ina3221/1-0040/VDD_CPU_CV/power"].value == pytest.approx(1.59808)
    total = found[ina3221.TOTAL_ID]
    assert (total.value, total.quality) == (None, "lost")
    assert total.detail.startswith("VIN_SYS_5V0 was not read")


def test_a_total_alone_is_read_from_its_own_files(tree: Path) -> None:
    total = probed(board(tree, AGX))[ina3221.TOTAL_ID]
    reader = ina3221.reader(live(tree), [total])
    assert [reading.value for reading in reader.read()] == [pytest.approx(10.13376)]
    reader.close()


def test_a_rail_that_a_known_board_lacks_is_named(tree: Path) -> None:
    folder = hwmon(board(tree, NX))
    (folder / "in1_label").write_text("NC")
    total = readings(tree)[ina3221.TOTAL_ID]
    assert (total.value, total.quality) == (None, "lost")
    assert "VDD_IN" in total.detail


@pytest.mark.parametrize("compatible", ["nvidia,tegra194", "raspberrypi,5-model-b\0brcm,bcm2712", "nvidia,tegra999"])
def test_rails_of_another_chip_have_no_total(tree: Path, compatible: str) -> None:
    board(tree, AGX)
    (tree / "proc/device-tree/compatible").write_text(f"{compatible}\0")
    assert ina3221.TOTAL_ID not in probed(tree)


def test_without_the_chip_a_total_needs_all_of_its_rails(tree: Path) -> None:
    assert _jetson_totals.total(None, ["VDD_CPU_GPU_CV", "VDD_SOC", "VDD_IN"]) is not None
    assert _jetson_totals.total(None, ["VDD_CPU_GPU_CV", "VDD_SOC"]) is None
    assert _jetson_totals.total("tegra234", ["VDD_IN"]) is None


def test_two_rails_of_the_name_that_a_total_needs_leave_it_unknown(tree: Path) -> None:
    folder = hwmon(board(tree, AGX), "1-0041")
    (folder / "in3_label").write_text("VIN_SYS_5V0")
    assert ina3221.TOTAL_ID not in probed(tree)


@pytest.mark.parametrize("chip", ["tegra210", "tegra186", "tegra194", "tegra234", "tegra264", None])
def test_no_two_rules_hold_for_the_rails_of_one_board(chip: str | None) -> None:
    for rule in _jetson_totals.TOTALS:
        names = rule.marks | set(rule.parts)
        holding = [r for r in _jetson_totals.TOTALS if r.marks <= names and (chip is None or chip in r.socs)]
        assert len(holding) <= 1


def test_numbers_of_hwmon_name_nothing_and_one_chip_is_taken_once(tree: Path) -> None:
    board(tree, AGX)
    before = set(probed(tree))
    folder = hwmon(tree)
    folder.rename(folder.with_name("hwmon9"))
    classes = tree / "sys/class/hwmon"
    (classes / "hwmon9").symlink_to("/sys/bus/i2c/devices/1-0040/hwmon/hwmon9")
    drivers = tree / "sys/bus/i2c/drivers/ina3221"
    drivers.mkdir(parents=True)
    (drivers / "1-0040").symlink_to("/sys/bus/i2c/devices/1-0040")
    assert set(probed(tree)) == before


def test_a_chip_whose_class_was_recorded_as_plain_files_is_taken_once(tree: Path) -> None:
    folder = hwmon(board(tree, NX))
    before = set(probed(tree))
    shutil.copytree(folder, tree / "sys/class/hwmon" / folder.name)
    assert set(probed(tree)) == before


def test_a_chip_that_only_its_class_shows_is_named_by_its_device(tree: Path) -> None:
    board(tree, NX)
    folder = hwmon(tree)
    classes = tree / "sys/class/hwmon"
    classes.mkdir(parents=True, exist_ok=True)
    shutil.copytree(folder, classes / "hwmon4")
    (classes / "hwmon4/device").symlink_to("../../../devices/i2c-1/1-0040")
    shutil.rmtree(tree / "sys/bus")
    assert readings(tree)[ina3221.TOTAL_ID].value == pytest.approx(6.11584)
    assert "ina3221/1-0040/VDD_IN/power" in probed(tree)


def test_a_step_follows_from_the_shunt_and_the_window_from_the_chip(tree: Path) -> None:
    found = probed(board(tree, NX))
    power, current = found["ina3221/1-0040/VDD_IN/power"], found["ina3221/1-0040/VDD_IN/current"]
    assert current.resolution == pytest.approx(0.008)  # 40 uV at 5 mOhm
    assert power.resolution == pytest.approx(19.112 * 0.008)
    assert found["ina3221/1-0040/VDD_IN/voltage"].resolution == 0.008
    assert (power.window_s, power.every_s) == (0.106, 0.106)
    assert (power.derived, power.formula) == (True, "V*I")


@pytest.mark.parametrize("interval", ["0", "-7", "nan", "1e12", "fast"])
def test_an_interval_that_is_none_stops_no_reading(tree: Path, interval: str) -> None:
    folder = hwmon(board(tree, NX))
    (folder / "update_interval").write_text(interval)
    for sensor in (probed(tree)["ina3221/1-0040/VDD_IN/power"], probed(tree)[ina3221.TOTAL_ID]):
        assert (sensor.window_s, sensor.update_s, sensor.every_s) == (None, None, ina3221.EVERY_S)


def test_a_label_makes_no_other_part_of_an_id(tree: Path) -> None:
    folder = hwmon(board(tree, NX))
    (folder / "in1_label").write_text("VDD/IN\n")
    assert "ina3221/1-0040/VDD-IN/power" in probed(tree)


@pytest.mark.parametrize(("across_uv", "current_ma"), [("80", "16"), ("4800", "0"), ("4800", "600"), ("x", "960")])
def test_a_shunt_that_cannot_be_told_gives_no_step(tree: Path, across_uv: str, current_ma: str) -> None:
    folder = hwmon(board(tree, NX))
    (folder / "in4_input").write_text(across_uv)
    (folder / "curr1_input").write_text(current_ma)
    found = probed(tree)
    assert found["ina3221/1-0040/VDD_IN/current"].resolution is None
    assert found["ina3221/1-0040/VDD_IN/power"].resolution is None


def test_a_current_below_the_step_says_so(tree: Path) -> None:
    folder = hwmon(board(tree, NX))
    sensor = probed(tree)["ina3221/1-0040/VDD_SOC/power"]
    (folder / "curr3_input").write_text("4")
    reader = ina3221.reader(live(tree), [sensor])
    assert [(r.value, r.quality) for r in reader.read()] == [(pytest.approx(0.076448), "below_resolution")]
    reader.close()


@pytest.mark.parametrize(
    ("file", "text"), [("in1_input", "40000"), ("curr1_input", "4294967295"), ("curr1_input", "nan")]
)
def test_what_the_chip_cannot_measure_is_implausible(tree: Path, file: str, text: str) -> None:
    folder = hwmon(board(tree, NX))
    (folder / file).write_text(text)
    found = readings(tree)
    assert (found["ina3221/1-0040/VDD_IN/power"].value, found[ina3221.TOTAL_ID].value) == (None, None)
    assert found["ina3221/1-0040/VDD_IN/power"].quality == "implausible"
    assert found["ina3221/1-0040/VDD_SOC/power"].value is not None


def test_a_channel_that_the_kernel_refuses_to_read_is_not_zero(tmp_path: Path) -> None:
    shutil.copytree(DEVICES / NX, tmp_path / "board")
    errors = {"/sys/bus/i2c/devices/1-0040/hwmon/hwmon4/in3_input": "ENODATA"}
    (tmp_path / "board/errors.json").write_text(json.dumps(errors))
    env = replay.capture(tmp_path / "board")
    reader = ina3221.reader(env, ina3221.probe(env))
    found = {reading.sensor_id: reading for reading in reader.read()}
    reader.close()
    assert found["ina3221/1-0040/VDD_SOC/power"].value is None
    assert found["ina3221/1-0040/VDD_SOC/power"].quality == "unsupported"
    assert found[ina3221.TOTAL_ID].value == pytest.approx(6.11584)


@pytest.mark.parametrize(
    ("warning", "critical", "current_ma", "word"),
    [
        ("600 ma", "900 ma", 560, "ok"),
        ("500 ma", "900 ma", 560, "over_warning"),
        ("400", "550 ma", 560, "over_critical"),
    ],
)
def test_limits_of_the_old_driver_are_compared(
    tree: Path, warning: str, critical: str, current_ma: int, word: str
) -> None:
    board(tree, NANO)
    folder = tree / "sys/bus/i2c/drivers/ina3221x/6-0040/iio:device0"
    (folder / "warn_current_limit_0").write_text(f"{warning}\n")
    (folder / "crit_current_limit_0").write_text(f"{critical}\n")
    (folder / "in_current0_input").write_text(f"{current_ma}\n")
    reading = readings(tree)["ina3221/6-0040/POM_5V_IN/limit"]
    assert reading.value == word
    assert "critical above" in reading.detail


@pytest.mark.parametrize(
    ("flags", "word"),
    [(("0", "0"), "ok"), (("1", "0"), "over_warning"), (("1", "1"), "over_critical"), (("7", "0"), None)],
)
def test_alarms_of_the_chip_are_told(tree: Path, flags: tuple[str, str], word: str | None) -> None:
    folder = hwmon(board(tree, "jetson-orin-nano-jp5-rails"))
    for name, flag in zip(("curr1_max_alarm", "curr1_crit_alarm"), flags, strict=True):
        (folder / name).write_text(flag)
    reading = readings(tree)["ina3221/1-0040/VDD_IN/limit"]
    assert reading.value == word
    if word:
        assert reading.detail == "warning above 2.992 A, critical above 3.992 A"


def test_labels_of_one_name_on_one_chip_are_told_apart(tree: Path) -> None:
    folder = hwmon(board(tree, "raspberry-pi-4-ina3221-synthetic"))
    (folder / "in2_label").write_text("VDD_IN")
    assert {i for i in probed(tree) if i.endswith("power")} == {
        "ina3221/1-0040/VDD_IN/power",
        "ina3221/1-0040/VDD_IN-2/power",
    }


def test_the_input_of_a_thor_is_the_system_and_of_any_other_board_a_rail(tree: Path) -> None:
    board(tree, THOR)
    power = next(s for s in ina238.probe(live(tree)) if s.kind == "power_w")
    assert (power.id, power.scope) == ("ina238/2-0044/VIN/power", "system")
    (tree / "proc/device-tree/compatible").write_text("brcm,bcm2711\0")
    power = next(s for s in ina238.probe(live(tree)) if s.kind == "power_w")
    assert (power.id, power.scope) == ("ina238/2-0044/ch1/power", "rail")


def test_of_two_such_chips_of_a_thor_none_is_taken_for_the_system(tree: Path) -> None:
    devices = board(tree, THOR) / "sys/bus/i2c/devices"
    shutil.copytree(devices / "2-0044", devices / "2-0045")
    os.rename(devices / "2-0045/hwmon/hwmon5", devices / "2-0045/hwmon/hwmon6")
    assert {s.scope for s in ina238.probe(live(tree))} == {"rail"}
