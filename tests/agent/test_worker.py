"""What an attempt asks of the disk is known before it starts, and whatever happens to it is one result."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import math
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from benchfleet.agent import spool as spool_module
from benchfleet.agent.cache import Cache
from benchfleet.agent.sampler import Sampler
from benchfleet.agent.session.machine import Member, Offer, Ref
from benchfleet.agent.spool import Entry, Spool
from benchfleet.agent.worker import Worker
from benchfleet.core import results
from benchfleet.core.clock import SystemClock
from benchfleet.core.errors import UnreachableError
from benchfleet.core.inventory import Inventory, RuntimeFacts
from benchfleet.core.runspec import Artifact, ModelRef, RunSpec

MODEL = b"not read by the null runtime" * 100
ARTIFACT = Artifact(digest=hashlib.sha256(MODEL).hexdigest(), size_bytes=len(MODEL))
INVENTORY = Inventory(
    hostname="h", board="host", os="", kernel="", arch="", cpu_model="", cpu_count=2, memory_bytes=1, python="",
    agent_version="0", runtimes=(RuntimeFacts(name="null", available=True, version="1", formats=("onnx",)),),
)  # fmt: skip
PLENTY = 10**12


@pytest.fixture(autouse=True)
def _own_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCHFLEET_HOST_LOCK", str(tmp_path / "host.lock"))


class Device:
    """An agent's folder with `free` bytes left on its disk; counts what is fetched."""

    def __init__(self, state: Path, free_bytes: int) -> None:
        self.spool = Spool(state / "spool")
        self.fetched = 0
        self.error: OSError | None = None
        cache = Cache(state / "cache", free=lambda folder: free_bytes)
        self._worker = Worker(state, cache, self.spool, Sampler(state), INVENTORY, SystemClock())

    async def fetch(self, digest: str, offset: int) -> AsyncIterator[bytes]:
        self.fetched += 1
        if self.error is not None:
            raise self.error
        yield MODEL[offset:]

    async def run(self, **changes: Any) -> Entry | None:
        found = await self.run_block([changes])
        return found[0] if found else None

    async def run_block(
        self, cells: list[dict[str, Any]], spooled: Callable[[Ref], None] = lambda ref: None
    ) -> list[Entry]:
        members = tuple(
            Member(
                ref=Ref(f"run-{i}", 1),
                spec=RunSpec(
                    **{
                        "model": ModelRef(name="m:1", format="onnx", precision=None, artifact=ARTIFACT),
                        "runtime": "null",
                        "profile": "quick",
                        **changes,
                    },
                ),
            )
            for i, changes in enumerate(cells, 1)
        )
        return await self._worker.run(
            Offer(members=members),
            self.fetch,
            incarnation=1,
            stop=asyncio.Event(),
            deadline_s=lambda: math.inf,
            progress=lambda phase, fraction, note: None,
            spooled=spooled,
        )


async def test_an_attempt_that_does_not_fit_is_refused_before_anything_is_fetched(tmp_path: Path) -> None:
    device = Device(tmp_path, free_bytes=5_000_000)
    entry = await device.run()
    assert entry is not None
    failure = results.loads(entry.result_json).failure
    assert failure is not None
    assert (entry.failure_reason, failure.reason, failure.phase) == ("disk_low", "disk_low", "prepare")
    assert "5 MB are free" in failure.detail
    assert str(tmp_path) in failure.detail
    assert "needed" in failure.detail
    assert device.fetched == 0
    assert [found.run_id for found in device.spool.entries()] == ["run-1"]


async def test_a_longer_profile_and_a_baseline_need_more_room(tmp_path: Path) -> None:
    between = 25_000_000  # enough for a quick run alone
    baseline = ModelRef(name="b:1", format="onnx", precision=None, artifact=ARTIFACT)
    refused = await Device(tmp_path / "a", between).run(profile="gate", baseline=baseline)
    measured = await Device(tmp_path / "b", between).run()
    assert refused is not None
    assert measured is not None
    assert (refused.failure_reason, measured.failure_reason) == ("disk_low", "")
    assert measured.outcome == "ok"
    assert measured.series is not None


async def test_a_disk_that_fills_while_fetching_is_the_same_reason(tmp_path: Path) -> None:
    device = Device(tmp_path, PLENTY)
    device.error = OSError(errno.ENOSPC, "No space left on device")
    entry = await device.run()
    assert entry is not None
    assert entry.failure_reason == "disk_low"


async def test_a_profile_of_a_newer_controller_is_a_result_and_no_crash(tmp_path: Path) -> None:
    entry = await Device(tmp_path, PLENTY).run(profile="marathon")
    assert entry is not None
    assert entry.failure_reason == "unsupported_option"
    assert b"marathon" in entry.result_json


async def test_nothing_is_begun_while_too_many_results_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool_module, "WAITING_MAX", 0)
    device = Device(tmp_path, PLENTY)
    assert await device.run() is None
    assert device.fetched == 0


async def test_a_result_whose_series_finds_no_room_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool_module, "SERIES_BYTES_MAX", 10)
    entry = await Device(tmp_path, PLENTY).run()
    assert entry is not None
    assert entry.outcome == "ok"
    assert entry.series is None
    assert "series wait" in results.loads(entry.result_json).provenance["series_not_kept"]


async def test_the_cells_of_an_offer_are_measured_as_one_block(tmp_path: Path) -> None:
    entries = await Device(tmp_path, PLENTY).run_block([{}, {"runtime_options": {"latency_us": 20}}])
    assert [entry.run_id for entry in entries] == ["run-1", "run-2"]
    blocks = [results.loads(entry.result_json).provenance["block"] for entry in entries]
    assert blocks[0] == blocks[1]
    assert blocks[0]["cells"] == ["run-1.1", "run-2.1"]


async def test_cells_that_do_not_fit_on_the_disk_together_are_measured_one_after_the_other(tmp_path: Path) -> None:
    device = Device(tmp_path, free_bytes=20_000_000)  # enough for one quick run, not for two
    entries = await device.run_block([{}, {"runtime_options": {"latency_us": 20}}])
    assert [entry.outcome for entry in entries] == ["ok", "ok"]
    assert [len(results.loads(e.result_json).provenance["block"]["cells"]) for e in entries] == [1, 1]


async def test_a_cell_that_cannot_be_begun_leaves_the_others_of_its_block_alone(tmp_path: Path) -> None:
    entries = await Device(tmp_path, PLENTY).run_block([{"threads": 64}, {}])
    assert {entry.run_id: entry.outcome for entry in entries} == {"run-1": "failed", "run-2": "ok"}


async def test_cells_whose_rounds_are_not_alike_are_no_block(tmp_path: Path) -> None:
    entries = await Device(tmp_path, PLENTY).run_block([{}, {"batch": 2, "scenario": "offline"}])
    assert [len(results.loads(e.result_json).provenance["block"]["cells"]) for e in entries] == [1, 1]


async def test_cells_that_do_not_fit_together_are_spooled_and_told_one_after_the_other(tmp_path: Path) -> None:
    device = Device(tmp_path, free_bytes=19_500_000)  # of the disk: enough for one quick run and not for two
    waiting: list[int] = []
    entries = await device.run_block(
        [{}, {"threads": 2}], lambda ref: waiting.append(len(list(device.spool.entries())))
    )
    assert [entry.outcome for entry in entries] == ["ok", "ok"]
    assert waiting == [1, 2], "the first was told only when the second had ended"
    blocks = {results.loads(entry.result_json).provenance["block"]["id"] for entry in entries}
    assert len(blocks) == 2


async def test_a_model_that_cannot_be_fetched_fails_its_own_cell_and_the_block_goes_on(tmp_path: Path) -> None:
    device = Device(tmp_path, PLENTY)
    lost = Artifact(digest="f" * 64, size_bytes=10)
    fetch = device.fetch

    async def partly(digest: str, offset: int) -> AsyncIterator[bytes]:
        if digest == lost.digest:
            raise UnreachableError("artifact ffffffffffff: the controller does not answer")
        async for part in fetch(digest, offset):
            yield part

    device.fetch = partly  # type: ignore[method-assign]
    gone = ModelRef(name="gone:1", format="onnx", precision=None, artifact=lost)
    entries = await device.run_block([{}, {"model": gone}, {"threads": 2}])
    assert {e.run_id: e.failure_reason for e in entries} == {"run-1": "", "run-2": "artifact_unavailable", "run-3": ""}
