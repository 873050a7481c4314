"""Counters of energy of CPUs: who may read them, what is counted twice, and where they begin again."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from benchfleet.agent.env import live, replay
from benchfleet.agent.sensors import Reading, Sensor, rapl

DEVICES = Path(__file__).parents[2] / "fixtures/devices"
TWO_SOCKETS = DEVICES / "synthetic-server-rapl-two-sockets"
WRAP_J = 262143.32885


def read(folder: Path, privileged: bool = True) -> dict[str, Reading]:
    env = replay.capture(folder, privileged=privileged)
    reader = rapl.reader(env, rapl.probe(env))
    try:
        return {r.sensor_id: r for r in reader.read()}
    finally:
        reader.close()


def sensors(folder: Path) -> dict[str, Sensor]:
    return {s.id: s for s in rapl.probe(replay.capture(folder))}


def test_counters_that_only_root_may_read_are_denied_and_say_what_to_do() -> None:
    readings = read(TWO_SOCKETS, privileged=False)
    assert len(readings) == 6
    for reading in readings.values():
        assert (reading.value, reading.quality) == (None, "denied")
        assert "tmpfiles.d" in reading.detail
        assert "CVE-2020-8694" in reading.detail


def test_a_virtual_machine_has_none(tmp_path: Path) -> None:
    (tmp_path / "sys/class/powercap").mkdir(parents=True)
    assert rapl.probe(live(tmp_path)) == []


def test_zones_are_named_by_what_they_say_and_not_by_their_number() -> None:
    found = sensors(TWO_SOCKETS)
    assert found["rapl/package-0/energy"].paths == ("/sys/class/powercap/intel-rapl:1/energy_uj",)
    assert found["rapl/psys/energy"].scope == "system"
    assert found["rapl/package-0/energy"].wrap == WRAP_J
    assert "dram" in found["rapl/package-0/energy"].excludes
    assert all(s.needs_root for s in found.values())


def test_the_total_adds_packages_and_memory_and_neither_psys_nor_a_package_twice() -> None:
    total = sensors(TWO_SOCKETS)[rapl.TOTAL]
    assert total.formula == "sum(package-1,package-1/dram,package-0,package-0/dram)"
    assert (total.derived, total.scope, total.wrap) == (True, "component", None)
    assert read(TWO_SOCKETS)[rapl.TOTAL].value == pytest.approx(484835.277778, abs=1e-6)


def test_one_package_alone_has_no_total() -> None:
    assert list(sensors(DEVICES / "synthetic-amd-zen-rapl")) == ["rapl/package-0/energy", "rapl/package-0/core/energy"]


def test_zones_are_found_where_their_links_lead(copy: Path) -> None:
    shutil.rmtree(copy / "root/sys/class")
    assert read(copy)[rapl.TOTAL].value == pytest.approx(484835.277778, abs=1e-6)


def test_a_zone_whose_package_has_no_name_is_called_as_its_folder() -> None:
    assert read(DEVICES / "intel-haswell-powercap")["rapl/intel-rapl:0/dram/energy"].value == 2469.474853


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shutil.copytree(TWO_SOCKETS, tmp_path / "copy", symlinks=True)
    return tmp_path / "copy"


def put(copy: Path, base: str, joules: float) -> None:
    (copy / "root/sys/devices/virtual/powercap/intel-rapl" / base / "energy_uj").write_text(f"{joules * 1e6:.0f}\n")


def test_the_total_goes_on_where_one_of_its_counters_begins_again(copy: Path) -> None:
    env = replay.capture(copy)
    reader = rapl.reader(env, rapl.probe(env))
    put(copy, "intel-rapl:0", WRAP_J - 100)
    before = {r.sensor_id: r.number or 0.0 for r in reader.read()}
    put(copy, "intel-rapl:0", 10)
    put(copy, "intel-rapl:1", 201500.654321 + 5)
    after = {r.sensor_id: r.number or 0.0 for r in reader.read()}
    assert after["rapl/package-1/energy"] == 10
    assert after[rapl.TOTAL] - before[rapl.TOTAL] == pytest.approx(115, abs=1e-3)
    reader.close()


def test_the_total_goes_back_where_a_counter_was_reset(copy: Path) -> None:
    env = replay.capture(copy)
    reader = rapl.reader(env, rapl.probe(env))
    before = {r.sensor_id: r.number or 0.0 for r in reader.read()}
    put(copy, "intel-rapl:0", 1)  # 80 kJ short of its end: that is no wrap
    after = {r.sensor_id: r.number or 0.0 for r in reader.read()}
    assert after[rapl.TOTAL] < before[rapl.TOTAL]
    reader.close()


def test_a_lost_part_leaves_the_total_unread_and_its_neighbours_alone(copy: Path) -> None:
    (copy / "root/sys/devices/virtual/powercap/intel-rapl/intel-rapl:1/intel-rapl:1:0/energy_uj").write_text("-5\n")
    readings = read(copy)
    assert (readings[rapl.TOTAL].value, readings[rapl.TOTAL].quality) == (None, "implausible")
    assert readings["rapl/package-0/dram/energy"].quality == "implausible"
    assert readings["rapl/package-0/energy"].value == 201500.654321


def test_a_part_beyond_its_range_leaves_the_total_unread(copy: Path) -> None:
    put(copy, "intel-rapl:1", 1e9)
    readings = read(copy)
    assert (readings[rapl.TOTAL].value, readings[rapl.TOTAL].quality) == (None, "implausible")
    assert "intel-rapl:1/energy_uj" in readings[rapl.TOTAL].detail
    assert readings["rapl/package-0/energy"].quality == "implausible"
