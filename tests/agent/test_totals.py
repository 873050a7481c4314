"""A total is the reading that stands for the whole device; a part, an estimate or a guess never is."""

from __future__ import annotations

import pytest

from benchfleet.agent import totals
from benchfleet.agent.sensors import Reading, Sensor


def at(name: str, scope: str, value: float | None, quality: str = "ok", **more) -> tuple[Sensor, Reading]:
    sensor = Sensor(id=name, kind="power_w", scope=scope, source="x", paths=(), **more)
    return sensor, Reading(sensor_id=name, value=value, quality=quality)


def test_without_a_sensor_of_power_there_is_none():
    found = totals.power([])
    assert (found.value, found.reason) == (None, "no sensor of power")


@pytest.mark.parametrize("scope", ["component", "rail", "partial"])
def test_a_part_never_stands_for_the_whole(scope):
    found = totals.power([at("a", scope, 5.9)])
    assert found.value is None
    assert scope in found.reason


def test_an_estimate_is_no_measurement():
    found = totals.power([at("a", "board", 5.0, estimated=True)])
    assert found.value is None
    assert "estimate" in found.reason


def test_the_widest_scope_counts():
    found = totals.power([at("m", "module", 4.8), at("b", "board", 6.1), at("r", "rail", 1.0)])
    assert found.sensor is not None
    assert (found.value, found.sensor.id, found.reason) == (6.1, "b", "")


def test_a_wider_sensor_without_a_value_is_told():
    found = totals.power([at("m", "module", 4.8), at("plug", "wall", None, "timeout")])
    assert found.value == 4.8
    assert found.reason == "plug (wall) is timeout"


def test_of_one_scope_the_preferred_counts():
    assert totals.power([at("mean", "module", 1.0, rank=30), at("now", "module", 2.0, rank=20)]).value == 2.0


def test_two_that_stand_for_it_alike_are_not_chosen_between():
    found = totals.power([at("a", "system", 1.0), at("b", "system", 2.0)])
    assert found.value is None
    assert "a, b" in found.reason


def test_zero_and_below_are_measurements():
    assert totals.power([at("a", "board", 0.0)]).value == 0.0
    assert totals.power([at("a", "board", -0.2, "below_resolution")]).value == -0.2


def test_a_value_of_an_earlier_moment_is_not_that_of_now():
    assert totals.power([at("a", "board", 3.0, "stale")]).value is None
