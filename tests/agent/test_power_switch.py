"""A device is set for a run and is what it was afterwards: after errors, a cancel, a kill and a reboot."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from benchfleet.agent.env import Answer
from benchfleet.agent.power_modes import SwitchError
from benchfleet.agent.power_switch import Switch, problems
from tests.support.power import Jetson, boot, cpufreq_tree, env_of, governors

STATE = "state"


def switch_of(board: Jetson, *, allowed: bool = True) -> Switch:
    return Switch(board.env, board.root / STATE, allowed=allowed)


def journal(root: Path) -> Path:
    return root / STATE / "journal.json"


async def test_a_mode_is_there_during_the_run_and_gone_after_it(tmp_path: Path) -> None:
    board = Jetson(tmp_path)
    async with switch_of(board).during("MAXN_SUPER+jetson_clocks+cpufreq:performance", alone=True) as held:
        assert (board.mode, board.clocks_held, governors(tmp_path)) == ("2", True, ["performance"] * 2)
        assert journal(tmp_path).exists()
        told = held.provenance()
    assert (board.mode, board.clocks_held, governors(tmp_path)) == ("1", False, ["schedutil"] * 2)
    assert not journal(tmp_path).exists()
    assert (told["power_mode"], told["power_mode_id"]) == (
        "MAXN_SUPER+jetson_clocks+performance", "2+on+performance",
    )  # fmt: skip
    assert told["governor"] == "performance"
    assert told["power"]["requested"]["nvpmodel"] == {"name": "MAXN_SUPER", "id": "2"}
    assert (held.changed, held.problem) == ([], "")


async def test_what_a_mode_takes_with_it_is_put_back_too(tmp_path: Path) -> None:
    board = Jetson(tmp_path)
    for policy in (tmp_path / "sys/devices/system/cpu/cpufreq").iterdir():
        (policy / "scaling_governor").write_text("performance\n")
    async with switch_of(board).during("15W", alone=True):
        assert governors(tmp_path) == ["schedutil"] * 2  # nvpmodel did that
    assert (board.mode, governors(tmp_path)) == ("1", ["performance"] * 2)


async def test_held_clocks_are_let_go_before_the_caps_that_they_were_held_at_change(tmp_path: Path) -> None:
    board = Jetson(tmp_path)
    async with switch_of(board).during("MAXN_SUPER+jetson_clocks", alone=True):
        board.calls.clear()
    sets = [call[:2] for call in board.calls if call != ["nvpmodel", "-q"]]
    assert sets == [["jetson_clocks", "--restore"], ["nvpmodel", "-m"]]


async def test_a_run_that_asks_for_nothing_says_how_the_device_is_set_and_sets_nothing(tmp_path: Path) -> None:
    board = Jetson(tmp_path)
    async with switch_of(board, allowed=False).during(None, alone=False) as held:
        pass
    assert (held.provenance()["power_mode"], held.provenance()["governor"]) == ("25W", "schedutil")
    assert all(call == ["nvpmodel", "-q"] for call in board.calls)


async def test_a_mode_that_is_set_already_needs_no_switch(tmp_path: Path) -> None:
    board = Jetson(tmp_path)
    async with switch_of(board).during("25W", alone=True):
        assert not journal(tmp_path).exists()
    assert ["nvpmodel", "-m", "1"] not in board.calls


@pytest.mark.parametrize(
    ("wanted", "allowed", "alone", "why"),
    [
        ("15W", False, True, "start it with --allow-power-modes"),
        ("16W", True, True, "did you mean '15W'"),
        ("15W", True, False, "no lock for its turn"),
        ("REBOOT_ONLY", True, True, "only with a reboot"),
    ],
)
async def test_a_refusal_has_one_reason_and_changes_nothing(
    tmp_path: Path, wanted: str, allowed: bool, alone: bool, why: str
) -> None:
    board = Jetson(tmp_path)
    with pytest.raises(SwitchError, match=why):
        async with switch_of(board, allowed=allowed).during(wanted, alone=alone):
            pytest.fail("measured under a mode that was refused")
    assert (board.mode, governors(tmp_path), journal(tmp_path).exists()) == ("1", ["schedutil"] * 2, False)


async def test_a_switch_that_is_ignored_without_a_word_is_refused_and_what_was_set_before_it_undone(
    tmp_path: Path,
) -> None:
    board = Jetson(tmp_path, silent=["2"])
    with pytest.raises(SwitchError, match=r"nvpmodel was told MAXN_SUPER \(id 2\).*is at 25W"):
        async with switch_of(board).during("MAXN_SUPER+cpufreq:performance", alone=True):
            pytest.fail("measured under a wrong name")
    assert (governors(tmp_path), journal(tmp_path).exists()) == (["schedutil"] * 2, False)


async def test_an_error_in_the_run_restores(tmp_path: Path) -> None:
    board = Jetson(tmp_path)
    with pytest.raises(ZeroDivisionError):
        async with switch_of(board).during("15W", alone=True):
            raise ZeroDivisionError
    assert (board.mode, journal(tmp_path).exists()) == ("1", False)


async def test_a_cancel_while_switching_or_measuring_restores(tmp_path: Path) -> None:
    board = Jetson(tmp_path)
    inside = asyncio.Event()

    async def measure() -> None:
        async with switch_of(board).during("15W", alone=True):
            inside.set()
            await asyncio.Event().wait()

    for wait in (asyncio.sleep(0), inside.wait()):  # in the thread that switches; then in the run
        task = asyncio.create_task(measure())
        await wait
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (board.mode, journal(tmp_path).exists()) == ("1", False)
    assert board.calls.count(["nvpmodel", "-m", "0"]) >= 1


async def test_what_somebody_else_changes_meanwhile_is_told(tmp_path: Path) -> None:
    board = Jetson(tmp_path)
    async with switch_of(board, allowed=False).during(None, alone=True) as held:
        board.status.write_text("2")
        (tmp_path / "sys/devices/system/cpu/cpufreq/policy0/scaling_governor").write_text("powersave\n")
    assert held.changed == ["nvpmodel was 25W and is MAXN_SUPER", "cpufreq was schedutil and is mixed"]


async def test_heat_that_lowers_a_clock_is_nobodys_change_unless_the_clock_was_asked_for(tmp_path: Path) -> None:
    switch = Switch(env_of(cpufreq_tree(tmp_path)), tmp_path / STATE, allowed=True)
    cap = tmp_path / "sys/devices/system/cpu/cpufreq/policy0/scaling_max_freq"
    async with switch.during(None, alone=True) as held:
        cap.write_text("1200000\n")
    assert held.changed == []
    cap.write_text("1800000\n")
    async with switch.during("1800MHz+performance", alone=True) as held:
        cap.write_text("1200000\n")
    assert held.changed == ["cpu_clock was 1800MHz and is mixed"]
    assert cap.read_text().strip() in ("1800000", "1200000")


KILLED = """
import asyncio, sys
from pathlib import Path
from benchfleet.agent.power_switch import Switch
from tests.support.power import env_of

async def main(root):
    async with Switch(env_of(root), root / "state", allowed=True).during("performance+1200MHz", alone=True):
        print("set", flush=True)
        await asyncio.Event().wait()

asyncio.run(main(Path(sys.argv[1])))
"""


@pytest.fixture(scope="module")
def killed_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A board whose agent was killed between set and restore."""
    root = cpufreq_tree(tmp_path_factory.mktemp("killed") / "root", ("schedutil", "powersave"))
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, str(root)], stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]
    ) as agent:
        assert agent.stdout is not None
        assert agent.stdout.readline() == "set\n"
        os.kill(agent.pid, signal.SIGKILL)
    assert governors(root) == ["performance", "performance"]
    return root


@pytest.fixture
def killed(killed_once: Path, tmp_path: Path) -> Path:
    """The same for one test."""
    shutil.copytree(killed_once, tmp_path / "root")
    return tmp_path / "root"


def test_after_a_kill_the_next_start_restores_even_without_permission(killed: Path) -> None:
    assert "is not put back yet" in problems(killed / STATE)[0][0]
    assert Switch(env_of(killed), killed / STATE, allowed=False).put_back() == ""
    assert governors(killed) == ["schedutil", "powersave"]
    assert (killed / "sys/devices/system/cpu/cpufreq/policy0/scaling_max_freq").read_text() == "1800000"
    assert problems(killed / STATE) == []


async def test_after_a_kill_a_run_restores_before_it_measures(killed: Path) -> None:
    async with Switch(env_of(killed), killed / STATE).during(None, alone=True) as held:
        assert governors(killed) == ["schedutil", "powersave"]
    assert held.provenance()["governor"] == "policy0=schedutil,policy4=powersave"


def test_a_reboot_that_reset_the_mode_needs_no_restore(killed: Path, caplog: pytest.LogCaptureFixture) -> None:
    boot(killed, "boot-2")
    for policy, governor in (("policy0", "schedutil"), ("policy4", "powersave")):
        at = killed / "sys/devices/system/cpu/cpufreq" / policy
        (at / "scaling_governor").write_text(governor)
        (at / "scaling_max_freq").write_text("1800000")
    with caplog.at_level(logging.INFO):
        assert Switch(env_of(killed, writable=False), killed / STATE).put_back() == ""
    assert "rebooted=True" in caplog.text
    assert "event=set" not in caplog.text


def test_a_mode_that_a_board_keeps_over_a_reboot_is_put_back(killed: Path) -> None:
    boot(killed, "boot-2")
    assert Switch(env_of(killed), killed / STATE).put_back() == ""
    assert governors(killed) == ["schedutil", "powersave"]


async def test_a_failed_restore_stays_in_the_journal_is_told_and_bars_further_modes(killed: Path) -> None:
    stuck = Switch(env_of(killed, writable=False), killed / STATE, allowed=True)
    why = stuck.put_back()
    assert "performance+1200MHz) could not be put back: cpufreq to mixed" in why
    assert "read-only" in why
    assert json.loads(journal(killed).read_text())["failed"] != ""
    assert "could not be put back (cpufreq to mixed" in problems(killed / STATE)[0][0]
    with pytest.raises(SwitchError, match="could not be put back"):
        async with stuck.during("powersave", alone=True):
            pytest.fail("set over what was not put back")
    async with stuck.during(None, alone=True) as held:
        pass
    assert "could not be put back" in held.facts()["power_mode_left"]
    assert Switch(env_of(killed), killed / STATE).put_back() == ""  # once it can be written


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[: len(data) // 2],
        lambda data: b"",
        lambda data: b"\0" * len(data),
        lambda data: data.replace(b"policy0=schedutil", b"policy0=powersave"),
        lambda data: b"[]",
        lambda data: b"[" * 60_000,
        lambda data: data + b" " * 70_000 + b"x",
    ],
)
async def test_a_damaged_journal_is_kept_aside_said_and_not_believed(killed: Path, damage, caplog) -> None:  # type: ignore[no-untyped-def]
    journal(killed).write_bytes(damage(journal(killed).read_bytes()))
    assert "is damaged" in problems(killed / STATE)[0][0]
    switch = Switch(env_of(killed), killed / STATE, allowed=True)
    assert "is kept as" in switch.put_back()
    assert governors(killed) == ["performance", "performance"]  # what it was is not known
    assert [r.levelname for r in caplog.records if r.name == "benchfleet.agent.power_journal"] == ["ERROR"]
    assert "unreadable.json" in problems(killed / STATE)[0][1]
    with pytest.raises(SwitchError, match="remove that file"):
        async with switch.during("powersave", alone=True):
            pytest.fail("set although what was there is not known")
    (killed / STATE / "unreadable.json").unlink()
    assert switch.put_back() == ""


async def test_nothing_is_set_where_the_journal_cannot_be_written(tmp_path: Path) -> None:
    board = Jetson(tmp_path)
    (tmp_path / STATE / "journal.part").mkdir(parents=True)
    with pytest.raises(SwitchError, match="nothing was set"):
        async with switch_of(board).during("15W", alone=True):
            pytest.fail("set without a journal")
    assert board.mode == "1"


async def test_a_third_partys_mechanism_that_raises_is_a_reason(tmp_path: Path) -> None:
    class Broken(Jetson):
        def run(self, argv: list[str], timeout_s: float = 0.0) -> Answer:  # type: ignore[override]
            if argv[1:2] == ["-m"]:
                raise KeyError("nvpmodel")
            return super().run(argv, timeout_s)

    board = Broken(tmp_path)
    with pytest.raises(SwitchError, match="nvpmodel failed: KeyError"):
        async with switch_of(board).during("15W", alone=True):
            pytest.fail("set by what raised")
    assert (board.mode, governors(tmp_path)) == ("1", ["schedutil"] * 2)
