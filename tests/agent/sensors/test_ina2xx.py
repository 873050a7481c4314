"""What a shunt carries is its user's knowledge."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from benchfleet.agent.env.replay import capture
from benchfleet.agent.sampler import Sampler
from benchfleet.agent.sensors import ina2xx, meter

DEVICES = Path(__file__).parents[2] / "fixtures/devices"
INA226 = "ina226-lost-current-synthetic"


def test_it_is_a_rail_unless_its_user_says_what_it_carries() -> None:
    env = capture(DEVICES / INA226)
    assert {s.scope for s in ina2xx.probe(env)} == {"rail"}
    said = replace(env, meters=("ina2xx://1-0044#scope=board&name=input",))
    scopes = {s.id: s.scope for s in ina2xx.probe(said) if s.kind == "power_w"}
    assert scopes == {
        "ina2xx/input/power": "board",
        "ina2xx/input/power_unsigned": "rail",
        "ina2xx/1-0045/power": "rail",
        "ina2xx/1-0045/power_unsigned": "rail",
    }
    assert meter.probe(said) == [], "a chip that is there is not waited for"


def test_a_chip_that_is_not_there_is_a_sensor_without_a_value() -> None:
    env = replace(capture(DEVICES / INA226), meters=("ina2xx://7-0040#scope=board",))
    sampler = Sampler(env, drivers={"ina2xx": ina2xx, "meter": meter})
    sampler.snapshot()
    reading = {s.id: r for s, r in sampler.latest()}["meter/7-0040/power"]
    assert (reading.value, reading.quality) == (None, "lost")
    assert "1-0044" in reading.detail


def test_steps_and_windows_are_those_of_the_chip() -> None:
    sensors = {s.id: s for s in ina2xx.probe(capture(DEVICES / INA226))}
    power, current = sensors["ina2xx/1-0044/power"], sensors["ina2xx/1-0044/current"]
    assert (power.window_s, power.update_s) == (0.002, 0.002)
    assert current.resolution == pytest.approx(2.5e-6 / 0.002)
    assert power.resolution == pytest.approx(0.00125 * 12.04)
    assert sensors["ina2xx/1-0044/voltage"].resolution == pytest.approx(1.25e-3)
