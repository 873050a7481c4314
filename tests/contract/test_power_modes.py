"""What every mechanism of power modes keeps, shipped or not: absence is no error, and nothing is written by looking."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchfleet.agent import power_modes
from benchfleet.agent.power_modes import Mode, SwitchError
from tests.support.power import Jetson, env_of

MECHANISMS = power_modes.mechanisms()


@pytest.mark.parametrize("name", MECHANISMS)
def test_a_board_without_it_offers_nothing_and_says_why(name: str, tmp_path: Path) -> None:
    env = env_of(tmp_path)
    assert MECHANISMS[name].probe(env) == []
    with pytest.raises(SwitchError, match=r"\w"):
        MECHANISMS[name].current(env)


@pytest.mark.parametrize("name", MECHANISMS)
def test_it_says_its_place_among_the_others(name: str) -> None:
    module = MECHANISMS[name]
    assert isinstance(module.ORDER, int)
    assert isinstance(module.WATCHED, bool)
    assert all(MECHANISMS[other].ORDER > module.ORDER for other in module.DISTURBS if other in MECHANISMS)


@pytest.mark.parametrize("name", MECHANISMS)
def test_looking_changes_nothing(name: str, tmp_path: Path) -> None:
    board = Jetson(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    offered = MECHANISMS[name].probe(board.env)
    assert isinstance(MECHANISMS[name].current(board.env), Mode)
    assert offered, f"{name} is not on the board that has all of them: give tests/support/power.py what it needs"
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    assert all(call == ["nvpmodel", "-q"] for call in board.calls)


@pytest.mark.parametrize("name", MECHANISMS)
def test_what_it_was_at_can_be_set_again(name: str, tmp_path: Path) -> None:
    """Each offered mode and back, by the id of the state that was found; what only a reboot sets is refused."""
    board = Jetson(tmp_path)
    module, env = MECHANISMS[name], board.env
    before = module.current(env)
    for mode in module.probe(env):
        try:
            module.apply(env, mode, str(tmp_path)) if mode != module.current(env) else None
        except SwitchError:
            assert module.current(env) == before
            continue
        assert module.current(env).id == mode.id
        if module.current(env) != before:
            module.apply(env, before, str(tmp_path))
        assert module.current(env) == before
