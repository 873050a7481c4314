"""A power mode that a killed agent left is undone before the controller hears of the device."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from benchfleet.agent.daemon import Daemon, Settings
from benchfleet.agent.measure import host
from benchfleet.agent.power_journal import Change, Journal
from benchfleet.agent.power_modes import Mode
from benchfleet.core import wire
from benchfleet.core.inventory import Inventory
from tests.support.fake_controller import WAIT_S, FakeController, Session, serve, until
from tests.support.power import cpufreq_tree, env_of, governors

INVENTORY = Inventory(
    hostname="h", board="host", os="", kernel="", arch="", cpu_model="", cpu_count=2, memory_bytes=1, python="",
    agent_version="0",
)  # fmt: skip


@pytest.fixture
def board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """At `performance`, which a run set over `schedutil`."""
    monkeypatch.setenv("BENCHFLEET_HOST_LOCK", str(tmp_path / "host.lock"))
    root = cpufreq_tree(tmp_path / "root", ("performance", "performance"))
    found = {"cpufreq": Mode(name="schedutil", id="schedutil")}
    Journal(tmp_path / "state/power_modes").write(Change(wanted="performance", boot_id="boot-1", found=found))
    return root


async def hello_of(board: Path, *, writable: bool = True, allowed: bool = True) -> tuple[list[str], Inventory]:
    """The governors when the controller heard the hello, and what it said."""
    seen: list[list[str]] = []

    async def watching(session: Session) -> None:
        seen.append(governors(board))
        await serve(session)

    async with FakeController(watching) as controller:
        state = board.parent / "state"
        controller.enroll(state)
        env = env_of(board, writable=writable)
        daemon = Daemon(Settings(state=state, inventory=INVENTORY, env=env, allow_power_modes=allowed))
        task = asyncio.create_task(daemon.run())
        await until(lambda: bool(controller.sessions and controller.sessions[0].received))
        daemon.stop()
        await asyncio.wait_for(task, WAIT_S)
        (first, *_) = controller.sessions[0].received
        return seen[0], wire.inventory_from_wire(first.hello.inventory)


async def test_it_is_put_back_before_the_hello(board: Path) -> None:
    at_hello, inventory = await hello_of(board)
    assert at_hello == ["schedutil", "schedutil"]
    assert "power_mode_problem" not in inventory.facts
    assert inventory.power_modes_allowed
    assert {"performance", "1200MHz"} <= {mode.name for mode in inventory.power_modes}


async def test_what_cannot_be_put_back_is_told_to_the_controller(board: Path) -> None:
    at_hello, inventory = await hello_of(board, writable=False, allowed=False)
    assert at_hello == ["performance", "performance"]
    assert "could not be put back: cpufreq to schedutil" in inventory.facts["power_mode_problem"]
    assert not inventory.power_modes_allowed


async def test_another_agent_that_measures_is_not_disturbed(board: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchfleet.agent.daemon.PUT_BACK_S", 0.2)
    async with host.turn(asyncio.Event()):
        at_hello, _ = await hello_of(board)
    assert at_hello == ["performance", "performance"]
    assert (board.parent / "state/power_modes/journal.json").exists()
