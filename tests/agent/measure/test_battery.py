"""What feeds the device is a battery in the path; what its owner says of it is a number or nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchfleet.agent.cli.run import with_battery
from benchfleet.agent.measure.battery import batteries, battery_wh
from benchfleet.core.errors import DocumentError


def supply(root: Path, name: str, **facts: str) -> None:
    folder = root / "sys/class/power_supply" / name
    folder.mkdir(parents=True)
    for fact, text in facts.items():
        (folder / fact).write_text(text + "\n")


def test_batteries_of_the_device_are_named_with_their_status(tmp_path: Path) -> None:
    supply(tmp_path, "AC", type="Mains")
    supply(tmp_path, "BAT0", type="Battery", status="Charging", present="1")
    supply(tmp_path, "BAT1", type="Battery", present="0")
    supply(tmp_path, "hidpp_battery_0", type="Battery", scope="Device", status="Discharging")
    supply(tmp_path, "ups", type="UPS")
    assert batteries(tmp_path) == {"BAT0": "Charging", "ups": "Unknown"}


def test_a_host_without_power_supplies_has_none(tmp_path: Path) -> None:
    assert batteries(tmp_path) == {}


@pytest.mark.parametrize("text", ["", "full", "0", "-5", "nan", "inf"])
def test_a_label_that_is_no_capacity_is_none_and_refused_at_the_command(text: str) -> None:
    assert battery_wh({"battery_wh": text}) is None
    with pytest.raises(DocumentError, match="battery_wh"):
        with_battery([("battery_wh", text)], None)


def test_a_capacity_comes_by_label_or_by_option() -> None:
    assert battery_wh(with_battery([("battery_wh", "49.9")], None)) == 49.9
    assert battery_wh(with_battery([("rack", "3")], 50.0)) == 50
    assert with_battery([], None) == {}
