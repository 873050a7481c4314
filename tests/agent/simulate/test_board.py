"""Declarations of boards: what is wrong is said in one line, with the place and what could have been meant."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchfleet.agent.simulate import board
from benchfleet.core.errors import DocumentError

BASE: dict[str, Any] = {"extends": "raspberry-pi-5"}


def declared(tmp_path: Path, **more: Any) -> str:
    file = tmp_path / "mine.json"
    file.write_text(json.dumps(BASE | more))
    return str(file)


@pytest.mark.parametrize("name", board.known())
def test_a_shipped_board_is_named_as_its_file_and_says_what_of_it_is_assumed(name: str) -> None:
    found = board.load(name)
    assert found.name == name
    assert any("assumed" in line for line in found.sources)


def test_an_unknown_board_is_one_line_with_the_list() -> None:
    with pytest.raises(DocumentError) as caught:
        board.load("raspberry-pi-6")
    assert str(caught.value).splitlines() == [str(caught.value)]
    assert all(name in str(caught.value) for name in board.known())
    assert "did you mean raspberry-pi-5" in str(caught.value)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"extends": "pi"}, "it can extend one of"),
        ({"latancy": {}}, "did you mean 'latency'"),
        ({"latency": {"times": 0.5}}, "times is at least 1"),
        ({"latency": {"times": "4"}}, "latency.times is '4'; expected float"),
        ({"latency": {"timess": 4}}, "'timess' is not known; did you mean 'times'"),
        ({"heat": {"nodes": []}}, "heat.nodes are one or two"),
        ({"heat": {"nodes": [{"name": "die", "r_c_per_w": 0, "c_j_per_c": 1}]}}, "above 0"),
        ({"heat": {"nodes": [{"name": "die", "c_j_per_c": 1}]}}, "heat.nodes[0] has no 'r_c_per_w'"),
        ({"clock_steps_hz": []}, "clock_steps_hz is a list"),
        ({"clock_steps_hz": [float("inf")]}, "clock_steps_hz is a list"),
        ({"files": {"/sys/x": "{die_mdegx}"}}, "did you mean {die_mdegc}"),
        ({"files": {"sys/x": ""}}, "begins with /"),
        ({"files": {"/sys/../../etc/passwd": ""}}, "has no .."),
        ({"faults": [{"does": "explode"}]}, "a fault does one of"),
        ({"faults": [{"does": "vanish", "path": "/sys/class/thermal/thermal_zone0/tmp"}]}, "thermal_zone0/temp?"),
        ({"faults": [{"does": "refuse", "path": "vcgencmd get_throttled", "error": "EWHAT"}]}, "no name of an errno"),
        ({"faults": [{"does": "crash_runner"}]}, "needs after_calls"),
        ({"faults": {}}, "faults is no list"),
        ({"power": 3}, "power is no object"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(tmp_path: Path, more: dict[str, Any], said: str) -> None:
    with pytest.raises(DocumentError) as caught:
        board.load(declared(tmp_path, **more))
    assert said in str(caught.value)
    assert "mine.json" in str(caught.value)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"board": "x"}', "[" * 100_000, "\x00\xff"])
def test_what_is_no_declaration_is_one_line(tmp_path: Path, text: str) -> None:
    file = tmp_path / "mine.json"
    file.write_text(text)
    with pytest.raises(DocumentError, match=r"mine\.json"):
        board.load(str(file))


def test_a_file_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match="cannot be read"):
        board.load(str(tmp_path / "none.json"))


def test_a_file_lays_itself_over_the_board_it_extends(tmp_path: Path) -> None:
    found = board.load(declared(tmp_path, board="hot-pi", heat={"ambient_c": 45}, latency={"times": 8}))
    shipped = board.load("raspberry-pi-5")
    assert (found.name, found.ambient_c, found.latency.times) == ("hot-pi", 45, 8)
    assert found.nodes == shipped.nodes
    assert found.latency.full_load_threads == shipped.latency.full_load_threads
