"""What a battery gives is the system's power only while nothing else feeds it."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchfleet.agent import totals
from benchfleet.agent.env import live
from benchfleet.agent.sampler import Sampler
from benchfleet.agent.sensors import Reading, power_supply

BATTERY = {"type": "Battery", "status": "Discharging", "voltage_now": "12000000", "current_now": "1000000"}


def supplies(root: Path, **named: dict[str, str]) -> None:
    for name, files in named.items():
        folder = root / "sys/class/power_supply" / name
        folder.mkdir(parents=True, exist_ok=True)
        for file, text in files.items():
            (folder / file).write_text(f"{text}\n")


def read(root: Path) -> dict[str, Reading]:
    env = live(root)
    reader = power_supply.reader(env, power_supply.probe(env))
    try:
        return {reading.sensor_id: reading for reading in reader.read()}
    finally:
        reader.close()


def test_a_plug_put_in_ends_the_systems_power_and_not_the_batterys(tmp_path: Path) -> None:
    supplies(tmp_path, BAT0=BATTERY, AC={"type": "Mains", "online": "0"})
    env = live(tmp_path)
    reader = power_supply.reader(env, power_supply.probe(env))
    before = {r.sensor_id: r for r in reader.read()}
    supplies(tmp_path, BAT0={"status": "Charging"}, AC={"online": "1"})
    after = {r.sensor_id: r for r in reader.read()}
    reader.close()
    assert before["power_supply/system/power"].value == pytest.approx(12.0)
    assert (after["power_supply/system/power"].value, after["power_supply/system/power"].quality) == (
        None,
        "unsupported",
    )
    assert "AC" in after["power_supply/system/power"].detail
    assert after["power_supply/BAT0/power"].value == pytest.approx(-12.0)


@pytest.mark.parametrize("status", ["Charging", "Full", "Not charging", "Unknown", "nonsense", ""])
def test_without_a_battery_that_says_it_is_discharged_there_is_no_watt(tmp_path: Path, status: str) -> None:
    supplies(tmp_path, BAT0=BATTERY | {"status": status})
    assert read(tmp_path)["power_supply/system/power"].value is None


def test_one_batterys_power_stands_for_no_device(tmp_path: Path) -> None:
    """A weak charger: the battery gives the rest, and that is not what the system takes."""
    supplies(tmp_path, BAT0=BATTERY, AC={"type": "Mains", "online": "1"})
    env = live(tmp_path)
    scopes = {s.id: s.scope for s in power_supply.probe(env) if s.kind == "power_w"}
    assert scopes == {"power_supply/BAT0/power": "partial", "power_supply/system/power": "system"}
    sampler = Sampler(env)
    sampler.snapshot()
    total = totals.power(sampler.latest())
    assert total.value is None
    assert "system" in total.reason


def test_no_system_takes_nothing(tmp_path: Path) -> None:
    supplies(tmp_path, BAT0=BATTERY | {"current_now": "0"})
    found = read(tmp_path)
    assert found["power_supply/system/power"].quality == "implausible"
    assert found["power_supply/BAT0/power"].value == 0.0


def test_a_battery_without_a_reading_leaves_no_sum_of_the_others(tmp_path: Path) -> None:
    supplies(tmp_path, BAT0=BATTERY, BAT1=BATTERY | {"current_now": "?"})
    found = read(tmp_path)
    assert found["power_supply/system/power"].value is None
    assert found["power_supply/BAT0/power"].value == pytest.approx(12.0)


def test_a_battery_that_never_tells_its_power_leaves_no_sensor_of_the_system(tmp_path: Path) -> None:
    supplies(tmp_path, BAT0=BATTERY, BAT1={"type": "Battery", "status": "Discharging", "capacity": "50"})
    assert "power_supply/system/power" not in read(tmp_path)


def test_a_supply_that_does_not_say_whether_it_feeds_leaves_no_watt(tmp_path: Path) -> None:
    supplies(tmp_path, BAT0=BATTERY, AC={"type": "Mains", "online": "?"})
    assert read(tmp_path)["power_supply/system/power"].value is None


def test_a_negotiated_voltage_is_no_power_of_a_board_without_batteries(tmp_path: Path) -> None:
    source = {"type": "USB", "online": "1", "voltage_now": "20000000", "current_now": "3250000"}
    supplies(tmp_path, **{"ucsi-source-psy-1": source})
    assert read(tmp_path) == {}
