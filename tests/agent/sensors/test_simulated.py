"""A fake says what it was told to, says that it is a fake, and a declaration that is none is one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchfleet.agent.env import live
from benchfleet.agent.sampler import Sampler
from benchfleet.agent.sensors import simulated
from benchfleet.agent.sensors.simulated import Program
from benchfleet.core.errors import DocumentError

SQUARE = {"name": "board", "low_w": 3.0, "high_w": 12.0, "period_s": 0.1, "duty": 0.3}


def written(path: Path, *sensors: object) -> Path:
    path.write_text(json.dumps({"sensors": sensors}))
    return path


def test_a_square_wave_is_high_for_its_duty() -> None:
    program = Program(**SQUARE)
    assert [program.power_w(t) for t in (0.001, 0.029, 0.031, 0.099, 0.101)] == [12, 12, 3, 3, 12]
    assert program.energy_j(0.0, 60.0) == pytest.approx(342)
    assert program.energy_j(0.01, 0.05) == pytest.approx(0.02 * 12 + 0.02 * 3)


def test_a_sensor_without_updates_shows_the_moment_with_its_error() -> None:
    program = Program(**SQUARE, gain=1.01)
    assert program.shown(0.001) == pytest.approx(12.12)
    assert program.shown(0.031) == pytest.approx(3.03)


def test_a_sensor_with_updates_shows_the_mean_of_the_one_before() -> None:
    program = Program(**SQUARE, update_s=0.05)
    assert program.shown(0.051) == program.shown(0.099) == pytest.approx((0.03 * 12 + 0.02 * 3) / 0.05)
    assert program.shown(0.101) == pytest.approx(3)


def test_a_counter_counts_and_wraps() -> None:
    counter = Program(name="m", kind="energy_j", low_w=5.0, wrap_j=100.0)
    assert counter.shown(10.0) == pytest.approx(50)
    assert counter.shown(25.0) == pytest.approx(25)


def test_drop_outs_come_as_often_as_asked() -> None:
    program = Program(name="b", low_w=5.0, update_s=0.1, lost_ratio=0.25)
    values = program.series([0.05 + i / 10 for i in range(4000)]).values
    assert values.count(None) == pytest.approx(1000, abs=5)


def test_all_that_is_made_of_it_says_simulated(tmp_path: Path) -> None:
    file = written(tmp_path / "power.json", SQUARE, {"name": "meter", "kind": "energy_j", "low_w": 1})
    sampler = Sampler(live(tmp_path), simulate=file)
    sampler.active(True)
    sampler.read_once()
    found = sampler.series(0, 2**62)
    assert [s.sensor for s in found] == ["simulated/board", "simulated/meter"] == sampler.simulated()
    assert all(s.simulated and s.source == "simulated" and s.formula.startswith("simulated") for s in found)
    assert all(len(s.values) == 1 and s.values[0] is not None for s in found)
    sampler.stop()


def test_nothing_is_simulated_unless_it_is_asked_for(tmp_path: Path) -> None:
    assert simulated.probe(live(tmp_path)) == []
    assert Sampler(live(tmp_path)).simulated() == []


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "Expecting value"),
        ("[]", "expected"),
        ('{"sensors": []}', "expected"),
        ('{"sensors": [3]}', "is an object"),
        ('{"sensors": [{"name": "b"}]}', "name and low_w"),
        ('{"sensors": [{"name": "b", "loww": 3}]}', "did you mean 'low_w'"),
        ('{"sensors": [{"name": "b", "low_w": "3"}]}', "numbers are"),
        ('{"sensors": [{"name": "b", "low_w": NaN}]}', "numbers are"),
        ('{"sensors": [{"name": "b", "low_w": true}]}', "numbers are"),
        ('{"sensors": [{"name": "b", "low_w": -1}]}', "numbers are"),
        ('{"sensors": [{"name": "b", "low_w": 1, "period_s": 0}]}', "above 0"),
        ('{"sensors": [{"name": "b", "low_w": 1, "update_s": 0}]}', "above 0"),
        ('{"sensors": [{"name": "b", "low_w": 1, "kind": "volts"}]}', "kind is"),
        ('{"sensors": [{"name": "b", "low_w": 1, "scope": "room"}]}', "scope"),
        ('{"sensors": [{"name": "b", "low_w": 1}, {"name": "b", "low_w": 1}]}', "one name"),
        ('{"sensors": [{"name": "../b", "low_w": 1}]}', "a word"),
        ("x" * 10_000, "at most"),
    ],
)
def test_a_declaration_that_is_none_is_one_line(tmp_path: Path, text: str, why: str) -> None:
    file = tmp_path / "power.json"
    file.write_text(text)
    with pytest.raises(DocumentError, match=why) as caught:
        simulated.declared(file)
    assert "\n" not in str(caught.value)
    assert str(file) in str(caught.value)


def test_a_declaration_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match="cannot be read"):
        simulated.declared(tmp_path / "none.json")
