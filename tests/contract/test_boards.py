"""Every recorded board says what was worked out by hand from its files: values, what is missing and why, totals.

A folder of tests/fixtures/devices is a board: root/, cmd/, http/, lines/, errors.json, modes.json as they are told in
env/replay.py, SOURCE.txt (where it is from, as `key: value`) and expected.json:

    board         slug, or null where the files do not say it
    facts         {"soc": ..., "module": ..., "release": ...}, where the files say it
    sensors       {id: value, or {"quality": ..., "detail": part of it, "value": ...}}
    unprivileged  the same, as a user who is not root reads it
    totals        {"power_w": {"value": ..., "scope": ...} or null}
    absent        ids, or beginnings of ids, that must not be there
    accelerators  {where it is plugged: {field: value}}; all that there are
    tolerance     of numbers, relative
    evidence      as in SOURCE.txt
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from benchfleet.agent import accelerators, boards, probe, sensors, totals
from benchfleet.agent.capture.recording import record
from benchfleet.agent.env.replay import capture
from benchfleet.agent.sampler import Sampler
from benchfleet.agent.sensors import Reading, Sensor
from benchfleet.core import plugins

DEVICES = Path(__file__).parents[1] / "fixtures" / "devices"
EVIDENCE = ("hardware", "recorded", "reconstructed", "synthetic", "document")
SOURCE_KEYS = ["board", "evidence", "source", "fidelity"]
EXPECTED_KEYS = {
    "board", "facts", "sensors", "unprivileged", "totals", "absent", "accelerators", "tolerance", "evidence", "note",
}  # fmt: skip
FOLDERS = sorted(folder for folder in DEVICES.iterdir() if folder.is_dir())
each_board = pytest.mark.parametrize("folder", FOLDERS, ids=[folder.name for folder in FOLDERS])


def expected(folder: Path) -> dict[str, Any]:
    file = folder / "expected.json"
    assert file.exists(), f"{folder.name} has no expected.json: a board without expected values tests nothing"
    data = json.loads(file.read_text())
    assert isinstance(data, dict)
    return data


def source(folder: Path) -> dict[str, str]:
    lines = (folder / "SOURCE.txt").read_text().splitlines()
    return {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}


def looked_at(folder: Path, *, privileged: bool = True) -> tuple[Sampler, dict[str, tuple[Sensor, Reading]]]:
    sampler = Sampler(capture(folder, privileged=privileged))
    sampler.snapshot()
    sampler.stop()  # closes what it holds
    return sampler, {sensor.id: (sensor, reading) for sensor, reading in sampler.latest()}


def differs(reading: Reading, wanted: Any, tolerance: float) -> str:
    """How a reading differs from what was worked out; empty where it does not."""
    said = f"{reading.value} ({reading.quality}: {reading.detail})"
    if isinstance(wanted, dict):
        assert wanted.keys() <= {"quality", "detail", "value"}, f"unknown keys in {wanted}"
        value = wanted.get("value")
        same = reading.quality == wanted["quality"] and wanted.get("detail", "") in reading.detail
        return "" if same and _equal(reading.value, value, tolerance) else f"{said} instead of {wanted}"
    good = reading.quality in ("ok", "below_resolution") and _equal(reading.value, wanted, tolerance)
    return "" if good else f"{said} instead of {wanted!r}"


def _equal(value: Any, wanted: Any, tolerance: float) -> bool:
    if isinstance(wanted, int | float) and isinstance(value, int | float):
        return math.isclose(value, wanted, rel_tol=tolerance, abs_tol=1e-9)
    return bool(value == wanted)


@each_board
def test_a_recording_says_where_it_is_from(folder: Path) -> None:
    said = source(folder)
    assert list(said)[:4] == SOURCE_KEYS
    assert all(said[key] for key in SOURCE_KEYS)
    assert said["evidence"] in EVIDENCE
    assert expected(folder)["evidence"] == said["evidence"]
    assert expected(folder).keys() <= EXPECTED_KEYS
    assert (said["evidence"] == "synthetic") == ("synthetic" in folder.name), "a tree made up is called so"


@each_board
def test_its_sensors_read_what_was_worked_out_by_hand(folder: Path) -> None:
    data = expected(folder)
    assert data["sensors"] or data.get("absent"), "it expects nothing"
    for privileged, wanted in ((True, data["sensors"]), (False, data.get("unprivileged", {}))):
        if not wanted:
            continue
        _, found = looked_at(folder, privileged=privileged)
        missing = sorted(wanted.keys() - found.keys())
        assert not missing, f"not there: {missing}; there are {sorted(found)}"
        wrong = {i: differs(found[i][1], value, data.get("tolerance", 0.001)) for i, value in wanted.items()}
        assert not {i: how for i, how in wrong.items() if how}


@each_board
def test_nothing_is_there_that_the_board_does_not_have(folder: Path) -> None:
    sampler, found = looked_at(folder)
    assert sampler.absent == {}, "a driver fails on this board"
    for gone in expected(folder).get("absent", []):
        assert not [i for i in found if i.startswith(gone)]


@each_board
def test_the_total_is_of_the_whole_device_or_not_there(folder: Path) -> None:
    data = expected(folder)
    total = totals.power(list(looked_at(folder)[1].values()))
    wanted = data["totals"]["power_w"]
    if wanted is None:
        assert total.value is None, f"{total.value} W of {total.sensor}"
        assert total.reason
        return
    assert total.sensor is not None, total.reason
    assert total.sensor.scope == wanted["scope"]
    assert total.value == pytest.approx(wanted["value"], rel=data.get("tolerance", 0.001))


@each_board
def test_the_board_is_recognised_by_its_files(folder: Path) -> None:
    data = expected(folder)
    found = boards.detect(capture(folder))
    assert (found.slug if found else None) == data["board"]
    said = found.facts() if found else {}
    assert {name: said.get(name) for name in data.get("facts", {})} == data.get("facts", {})


@each_board
def test_its_accelerators_are_found_in_their_state(folder: Path) -> None:
    wanted = expected(folder).get("accelerators")
    families = plugins.load_all(accelerators.PACKAGE, accelerators.GROUP).values()
    found = {each.bus: asdict(each) for family in families for each in family.probe(capture(folder))}
    for each in found.values():
        assert each["state"] == "ready" or each["detail"], f"{each['bus']} does not say why it is {each['state']}"
    if wanted is not None:
        assert found.keys() == wanted.keys()
        assert {bus: {name: found[bus][name] for name in fields} for bus, fields in wanted.items()} == wanted


@each_board
def test_every_reading_is_one_that_a_program_can_take(folder: Path) -> None:
    for privileged in (True, False):
        for sensor, reading in looked_at(folder, privileged=privileged)[1].values():
            where = f"{folder.name}: {sensor.id}"
            assert sensor.kind in sensors.UNITS, where
            assert sensor.scope in sensors.SCOPES, where
            assert sensor.semantics in ("gauge", "counter", "state"), where
            assert reading.quality in sensors.QUALITIES, where
            assert not re.search(r"hwmon\d|thermal_zone\d|iio:device\d", sensor.id), f"{where}: no name that stays"
            if reading.quality == "ok":
                assert reading.value is not None, where
            if reading.value is None:
                assert reading.quality not in ("ok", "below_resolution"), where
                assert reading.detail, f"{where} is {reading.quality} and does not say why"
            else:
                assert reading.quality in sensors.WITH_VALUE, where
                assert isinstance(reading.value, str) or math.isfinite(reading.value), where


@each_board
def test_reading_it_again_says_the_same(folder: Path) -> None:
    first, second = (
        {i: (r.value, r.quality) for i, (_, r) in looked_at(folder)[1].items() if not i.startswith("simulated/")}
        for _ in range(2)
    )
    assert first == second


@each_board
def test_a_recording_of_it_says_the_same(folder: Path, tmp_path: Path) -> None:
    record(capture(folder), tmp_path / "again", made=datetime(2026, 1, 2, tzinfo=UTC), by="test")
    first, second = looked_at(folder)[1], looked_at(tmp_path / "again")[1]
    assert {i: (r.value, r.quality) for i, (_, r) in second.items()} == {
        i: (r.value, r.quality) for i, (_, r) in first.items()
    }
    assert boards.detect(capture(tmp_path / "again")) == boards.detect(capture(folder))
    assert accelerators.listed(capture(tmp_path / "again")) == accelerators.listed(capture(folder))
    assert probe.modes(capture(tmp_path / "again")) == probe.modes(capture(folder))
