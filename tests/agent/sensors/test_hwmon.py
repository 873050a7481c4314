"""Chips of hwmon: names that stay, no chip twice, and no temperature that cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchfleet.agent.env import live, replay
from benchfleet.agent.sensors import Reading, Sensor, _chips, hwmon

DEVICES = Path(__file__).parents[2] / "fixtures/devices"


def chip(root: Path, number: int, device: str = "", **files: object) -> Path:
    """A chip as the kernel lays it out; `device` is where it hangs in /sys/devices."""
    folder = root / f"sys/devices/{device or 'virtual'}/hwmon/hwmon{number}"
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / name).write_text(f"{text}\n")
    link = root / f"sys/class/hwmon/hwmon{number}"
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(f"../../devices/{device or 'virtual'}/hwmon/hwmon{number}")
    return folder


def found(root: Path) -> dict[str, tuple[Sensor, Reading]]:
    env = live(root)
    sensors = hwmon.probe(env)
    reader = hwmon.reader(env, sensors)
    try:
        return {s.id: (s, r) for s, r in zip(sensors, reader.read(), strict=True)}
    finally:
        reader.close()


@pytest.mark.parametrize(
    ("millidegrees", "quality"),
    [(-273150, "implausible"), (65261850, "implausible"), (-44000, "implausible"), (-39000, "ok"), (150000, "ok")],
)
def test_what_no_device_can_be_is_no_temperature(tmp_path: Path, millidegrees: int, quality: str) -> None:
    chip(tmp_path, 0, "platform/x.0", name="x", temp1_input=millidegrees)
    ((_, reading),) = found(tmp_path).values()
    assert reading.quality == quality
    assert reading.value == (millidegrees / 1000 if quality == "ok" else None)


def test_a_channel_that_fails_leaves_its_neighbour(tmp_path: Path) -> None:
    folder = chip(tmp_path, 0, "platform/x.0", name="x", temp1_input=20000, temp2_input=21000)
    env = live(tmp_path)
    sensors = hwmon.probe(env)
    (folder / "temp1_input").unlink()
    first, second = hwmon.reader(env, sensors).read()
    assert (first.value, first.quality) == (None, "lost")
    assert second.value == 21.0


@pytest.mark.parametrize("name", ["ina3221", "ina238", "ina219", "ina226", "rpi_volt", "amdgpu", "i915", "xe"])
def test_a_chip_with_a_driver_of_its_own_is_left_to_it(tmp_path: Path, name: str) -> None:
    chip(tmp_path, 0, "platform/x.0", name=name, temp1_input=20000, power1_input=5_000_000)
    assert _chips.owner(name)
    assert found(tmp_path) == {}


def test_the_mirror_of_a_thermal_zone_is_read_only_where_the_zone_is_not(tmp_path: Path) -> None:
    chip(tmp_path, 0, name="cpu_thermal", temp1_input=56400)
    assert list(found(tmp_path)) == ["hwmon/cpu_thermal/temp1/temperature"]
    zone = tmp_path / "sys/class/thermal/thermal_zone0"
    zone.mkdir(parents=True)
    (zone / "type").write_text("cpu-thermal\n")
    assert found(tmp_path) == {}


def test_the_same_chip_has_the_same_name_whatever_its_number(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    chip(first, 0, "platform/coretemp.0", name="coretemp", temp1_label="Physical id 0", temp1_input=1000)
    chip(first, 7, "platform/coretemp.1", name="coretemp", temp1_label="Physical id 1", temp1_input=1000)
    chip(second, 4, "platform/coretemp.0", name="coretemp", temp1_label="Physical id 0", temp1_input=1000)
    chip(second, 3, "platform/coretemp.1", name="coretemp", temp1_label="Physical id 1", temp1_input=1000)
    assert set(found(first)) == set(found(second))
    assert "hwmon/coretemp.1/Physical id 1/temperature" in found(first)


def test_a_network_chip_is_no_processor() -> None:
    env = replay.capture(DEVICES / "synthetic-amd-server-hwmon")
    parts = {s.id: s.part for s in hwmon.probe(env) if s.kind == "temperature_c"}
    assert parts["hwmon/enp2s0/PHY Temperature/temperature"] == "network"
    assert parts["hwmon/k10temp-0000:00:18.3/Tctl/temperature"] == "cpu"
    assert parts["hwmon/nvme0/Composite/temperature"] == "disk"
    assert parts["hwmon/lm75-1-0048/temp1/temperature"] == ""


def test_power_of_an_unknown_chip_stands_for_no_device(tmp_path: Path) -> None:
    chip(tmp_path, 0, "platform/x.0", name="x", power1_input=5_000_000, power1_average=4_000_000)
    chip(tmp_path, 1, "acpi/ACPI000D:00", name="power_meter", power1_average=9_000_000, power1_average_interval=1000)
    sensors = {i: s for i, (s, _) in found(tmp_path).items()}
    one, meter = sensors["hwmon/x.0/power1/power"], sensors["hwmon/power_meter-ACPI000D:00/power1/power"]
    assert (one.scope, one.rank, one.window_s) == ("rail", 20, None)
    assert (meter.scope, meter.rank, meter.window_s) == ("system", 30, 1.0)


def test_of_many_cores_some_are_read_and_the_package_always(tmp_path: Path) -> None:
    labels = {"temp1_label": "Package id 0", **{f"temp{i + 2}_label": f"Core {i}" for i in range(64)}}
    values = {f"temp{i + 1}_input": 50000 + i for i in range(65)}
    chip(tmp_path, 0, "platform/coretemp.0", name="coretemp", **labels, **values)
    ids = list(found(tmp_path))
    assert len(ids) == 1 + hwmon.CORES_MAX
    assert ids[0] == "hwmon/coretemp.0/Package id 0/temperature"


def test_pins_without_a_label_are_no_voltages(tmp_path: Path) -> None:
    chip(tmp_path, 0, "platform/x.0", name="x", in0_input=792, in1_input=3300, in1_label="+3.3V")
    assert [(i, r.value) for i, (_, r) in found(tmp_path).items()] == [("hwmon/x.0/+3.3V/voltage", 3.3)]
