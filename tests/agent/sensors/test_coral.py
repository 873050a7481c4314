"""An Edge TPU that changes while it is looked at: its firmware comes, its driver goes, it falls off the bus."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from benchfleet.agent.env.replay import capture
from benchfleet.agent.sensors import Reading, coral
from benchfleet.agent.sensors._edgetpu import library

DEVICES = Path(__file__).parents[2] / "fixtures/devices"


@pytest.fixture
def copy(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    folder = tmp_path / "capture"
    shutil.copytree(DEVICES / request.param, folder, symlinks=True)
    return folder


def on(name: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("copy", [name], indirect=True)


def by_id(readings: list[Reading]) -> dict[str, Reading]:
    return {reading.sensor_id: reading for reading in readings}


@on("coral-usb-cold")
def test_a_stick_has_one_name_before_and_after_its_firmware(copy: Path) -> None:
    env = capture(copy)
    sensors = coral.probe(env)
    reader = coral.reader(env, sensors)
    assert [r.value for r in reader.read()] == ["bootloader (firmware not loaded)"]
    port = copy / "root/sys/bus/usb/devices/2-1"
    for file in port.iterdir():
        file.unlink()
    gone = [coral.reader(env, sensors).read()[0].quality]
    for file, text in {"idVendor": "18d1\n", "idProduct": "9302\n", "devnum": "7\n"}.items():
        (port / file).write_text(text)
    after = coral.reader(env, coral.probe(env)).read()
    reader.close()
    assert gone == ["lost"]
    assert [(r.sensor_id, r.value) for r in after] == [(sensors[0].id, "ready")]


@on("coral-usb-warm-synthetic")
def test_another_device_at_its_port_is_no_edge_tpu(copy: Path) -> None:
    env = capture(copy)
    sensors = coral.probe(env)
    (copy / "root/sys/bus/usb/devices/2-1/idProduct").write_text("4ee7\n")
    assert by_id(coral.reader(env, sensors).read())["coral/usb-2-1/status"].quality == "lost"
    assert coral.probe(env) == []


@on("coral-m2-alive")
@pytest.mark.parametrize(
    ("milli_c", "clock_hz", "throttled"),
    [
        ("84550", 500e6, 0),
        ("84800", 250e6, 1),
        ("89800", 125e6, 1),
        ("94800", 62.5e6, 1),
        ("-89700", None, None),
        ("1000000", None, None),
    ],
)
def test_the_clock_is_halved_at_each_trip_point(
    copy: Path, milli_c: str, clock_hz: float | None, throttled: float | None
) -> None:
    (copy / "root/sys/class/apex/apex_0/temp").write_text(milli_c)
    env = capture(copy)
    found = by_id(coral.reader(env, coral.probe(env)).read())
    assert found["coral/apex_0/clock"].value == clock_hz
    assert found["coral/apex_0/throttled"].value == throttled
    lost = milli_c == "-89700"
    assert (found["coral/apex_0/temperature"].quality == "lost") == lost


@on("coral-m2-alive")
def test_trip_points_are_those_of_this_chip(copy: Path) -> None:
    (copy / "root/sys/class/apex/apex_0/trip_point0_temp").write_text("59800")
    env = capture(copy)
    assert by_id(coral.reader(env, coral.probe(env)).read())["coral/apex_0/clock"].value == 250e6


@on("coral-m2-alive")
@pytest.mark.parametrize("name", ["temp", "trip_point1_temp", "status"])
def test_one_file_that_fails_takes_no_other_with_it(copy: Path, name: str) -> None:
    env = capture(copy)
    reader = coral.reader(env, coral.probe(env))
    before = by_id(reader.read())
    reader.close()
    (copy / f"root/sys/class/apex/apex_0/{name}").unlink()
    after = by_id(reader.read())
    reader.close()
    gone = {i for i, reading in after.items() if reading.value is None and before[i].value is not None}
    of_file = {
        "temp": {"temperature", "clock", "throttled"},
        "trip_point1_temp": {"clock", "throttled", "trip_point1"},
        "status": {"status"},
    }
    assert {i.rpartition("/")[2] for i in gone} == of_file[name]


@on("coral-m2-dual-synthetic")
def test_a_card_keeps_its_name_when_its_driver_goes(copy: Path) -> None:
    env = capture(copy)
    served = {s.id for s in coral.probe(env) if s.id.endswith(("status", "temperature"))}
    shutil.rmtree(copy / "root/sys/class/apex")
    assert {s.id for s in coral.probe(env)} == served


@on("coral-m2-alive")
def test_where_the_hardware_ends_itself_is_known_to_who_watches_the_heat(copy: Path) -> None:
    critical = {s.id: s.critical for s in coral.probe(capture(copy))}
    assert critical["coral/apex_0/temperature"] == 99.8
    (copy / "root/sys/class/apex/apex_0/hw_temp_warn2_en").write_text("0")
    critical = {s.id: s.critical for s in coral.probe(capture(copy))}
    assert critical["coral/apex_0/temperature"] is None


@on("coral-m2-dual-synthetic")
def test_no_edge_tpu_tells_a_power(copy: Path) -> None:
    assert not [s for s in coral.probe(capture(copy)) if s.kind in ("power_w", "energy_j")]


@on("coral-usb-warm-synthetic")
def test_the_package_says_at_which_clock_the_library_runs(copy: Path) -> None:
    found = library(capture(copy))
    assert found is not None
    assert (found.variant, found.clock, found.version) == ("max", "full", "16.0")
    assert found.path == "/usr/lib/aarch64-linux-gnu/libedgetpu.so.1"


@on("coral-usb-warm-synthetic")
def test_a_library_of_no_package_is_there_and_its_clock_unknown(copy: Path) -> None:
    (copy / "root/var/lib/dpkg/status").unlink()
    found = library(capture(copy))
    assert found is not None
    assert (found.variant, found.clock, found.package) == ("unknown", "unknown", "")


@on("coral-usb-warm-synthetic")
def test_a_package_that_was_removed_is_not_installed(copy: Path) -> None:
    (copy / "root/var/lib/dpkg/status").write_text("Package: libedgetpu1-std\nStatus: deinstall ok config-files\n")
    (copy / "root/usr/lib/aarch64-linux-gnu/libedgetpu.so.1").unlink()
    assert library(capture(copy)) is None


@on("coral-usb-cold")
def test_dpkg_is_asked_where_its_list_cannot_be_read(copy: Path) -> None:
    answer = "Package: libedgetpu1-std\nStatus: install ok installed\nVersion: 16.0\n"
    (copy / "cmd/9.txt").write_text(answer)
    (copy / "cmd/index.json").write_text('[{"argv": ["dpkg", "-s", "libedgetpu1-std"], "stdout": "9.txt"}]')
    found = library(capture(copy))
    assert found is not None
    assert (found.variant, found.clock) == ("std", "reduced")
