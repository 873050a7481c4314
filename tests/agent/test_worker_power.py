"""Cells that ask for a power mode: measured in it, told so, and the device as it was afterwards."""

from __future__ import annotations

import asyncio
import hashlib
import json
import math
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchfleet.agent.cache import Cache
from benchfleet.agent.power_switch import Switch
from benchfleet.agent.sampler import Sampler
from benchfleet.agent.session.machine import Member, Offer, Ref
from benchfleet.agent.spool import Spool
from benchfleet.agent.worker import Worker
from benchfleet.core import results
from benchfleet.core.clock import SystemClock
from benchfleet.core.results import Result
from benchfleet.core.runspec import Artifact, ModelRef, RunSpec
from tests.agent.test_worker import INVENTORY, MODEL
from tests.support.power import Jetson, governors

SPEC = RunSpec(
    model=ModelRef(
        name="m:1", format="onnx", precision=None,
        artifact=Artifact(digest=hashlib.sha256(MODEL).hexdigest(), size_bytes=len(MODEL)),
    ),
    runtime="null", profile="quick",
)  # fmt: skip
Progress = Callable[[str, float, str], None]


@pytest.fixture(autouse=True)
def _own_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCHFLEET_HOST_LOCK", str(tmp_path / "host.lock"))


async def measured(
    board: Jetson,
    *cells: dict[str, Any],
    allowed: bool = True,
    progress: Progress = lambda phase, fraction, note: None,
    stop: asyncio.Event | None = None,
) -> list[Result]:
    """What an agent of this board makes of an offer."""
    state = board.root / "agent"

    async def fetch(digest: str, offset: int) -> AsyncIterator[bytes]:
        yield MODEL[offset:]

    spool = Spool(state / "spool")
    worker = Worker(
        state, Cache(state / "cache"), spool, Sampler(board.env), replace(INVENTORY, cpu_count=6), SystemClock(),
        power=Switch(board.env, state / "power_modes", allowed=allowed),
    )  # fmt: skip
    members = tuple(Member(ref=Ref(f"run-{i}", 1), spec=replace(SPEC, **cell)) for i, cell in enumerate(cells))
    entries = await worker.run(
        Offer(members=members), fetch, incarnation=1, stop=stop or asyncio.Event(), deadline_s=lambda: math.inf,
        progress=progress,
    )  # fmt: skip
    return [results.loads(entry.result_json) for entry in sorted(entries, key=lambda e: e.run_id)]


def as_it_was(board: Jetson) -> bool:
    kept = board.root / "agent/power_modes/journal.json"
    return (board.mode, governors(board.root), kept.exists()) == ("1", ["schedutil"] * 2, False)


async def test_each_cell_is_measured_in_its_mode_and_the_device_is_as_it_was(tmp_path: Path) -> None:
    board = Jetson(tmp_path)
    plain, slow, fast = await measured(
        board, {}, {"power_mode": "15W"}, {"power_mode": "MAXN_SUPER+jetson_clocks+performance"}
    )
    told = [
        (r.provenance["power_mode"], r.provenance["power_mode_id"], r.provenance["governor"])
        for r in (plain, slow, fast)
    ]
    assert told == [
        ("25W", "1", "schedutil"),
        ("15W", "0", "schedutil"),
        ("MAXN_SUPER+jetson_clocks+performance", "2+on+performance", "performance"),
    ]
    assert [r.provenance["power"]["asked"] for r in (plain, slow, fast)] == [None, "15W", fast.cell["power_mode"]]
    assert len({r.provenance["block"]["id"] for r in (plain, slow, fast)}) == 3
    assert not [flag for r in (plain, slow, fast) for flag in r.reasons if flag.flag == "power_mode_changed"]
    assert as_it_was(board)


async def test_the_reference_work_of_one_mode_is_no_baseline_of_another(tmp_path: Path) -> None:
    board = Jetson(tmp_path)
    await measured(board, {}, {"power_mode": "15W"})
    plain, slow = json.loads((tmp_path / "agent/reference.json").read_text())
    assert slow == f"{plain} 15W"


async def test_a_cell_that_asks_without_permission_fails_with_one_reason_and_nothing_is_set(tmp_path: Path) -> None:
    board = Jetson(tmp_path)
    (refused,) = await measured(board, {"power_mode": "15W"}, allowed=False)
    assert refused.failure is not None
    assert (refused.failure.reason, refused.failure.phase) == ("unsupported_option", "prepare")
    assert "--allow-power-modes" in refused.failure.detail
    assert ["nvpmodel", "-m", "0"] not in board.calls


async def test_a_mode_that_was_not_set_fails_its_own_cells_and_is_never_measured(tmp_path: Path) -> None:
    board = Jetson(tmp_path, silent=["2"])
    wrong, right = await measured(board, {"power_mode": "MAXN_SUPER"}, {"power_mode": "15W"})
    assert wrong.failure is not None
    assert (wrong.failure.reason, wrong.metrics) == ("power_mode", {})
    assert "reported no error, but is at 25W" in wrong.failure.detail
    assert right.outcome == "ok"
    assert as_it_was(board)


async def test_more_threads_than_a_mode_leaves_cpus_are_refused(tmp_path: Path) -> None:
    board = Jetson(tmp_path)
    (tmp_path / "sys/devices/system/cpu/online").write_text("0-1,4\n")
    many, few = await measured(board, {"power_mode": "15W", "threads": 4}, {"power_mode": "15W", "threads": 2})
    assert many.failure is not None
    assert many.failure.detail == "4 threads asked, power mode 15W leaves 3 CPUs on"
    assert (few.outcome, few.provenance["power"]["cpus_online"]) == ("ok", 3)


async def test_a_governor_that_somebody_changes_during_the_run_makes_it_invalid(tmp_path: Path) -> None:
    board = Jetson(tmp_path)
    governor = tmp_path / "sys/devices/system/cpu/cpufreq/policy0/scaling_governor"

    def meddle(phase: str, fraction: float, note: str) -> None:
        if phase == "measuring":
            governor.write_text("powersave\n")

    (result,) = await measured(board, {}, progress=meddle)
    (flag,) = [reason for reason in result.reasons if reason.flag == "power_mode_changed"]
    assert (flag.severity, flag.touches) == ("invalid", ("running",))
    assert "cpufreq was schedutil and is mixed" in flag.detail


async def test_a_cancelled_run_leaves_the_device_as_it_was(tmp_path: Path) -> None:
    board, stop, seen = Jetson(tmp_path), asyncio.Event(), []

    def cancel(phase: str, fraction: float, note: str) -> None:
        if phase == "measuring":
            seen.append(board.mode)
            stop.set()

    assert await measured(board, {"power_mode": "15W"}, progress=cancel, stop=stop) == []
    assert seen[0] == "0"
    assert as_it_was(board)


async def test_what_an_earlier_run_left_and_cannot_be_put_back_is_said_with_every_number(tmp_path: Path) -> None:
    board = Jetson(tmp_path)
    folder = tmp_path / "agent/power_modes"
    folder.mkdir(parents=True)
    (folder / "unreadable.json").write_text("half a jour")
    plain, asked = await measured(board, {}, {"power_mode": "15W"})
    assert [(r.flag, r.severity) for r in plain.reasons if r.flag == "power_mode_changed"] == [
        ("power_mode_changed", "degraded")
    ]
    assert asked.failure is not None
    assert "remove that file" in asked.failure.detail
