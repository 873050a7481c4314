"""Telemetry goes up in columns, is the first to be left out, and what is left out is counted."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from benchfleet.agent.env import live
from benchfleet.agent.sampler import Sampler
from benchfleet.agent.session import link, uplink
from benchfleet.agent.session.link import OFFERED_WAITING_MAX, OUTBOUND_MAX, Outbound
from benchfleet.agent.session.machine import Ref
from benchfleet.agent.session.uplink import Uplink
from benchfleet.core.clock import ManualClock
from benchfleet.core.wire import MESSAGE_BYTES_MAX
from benchfleet.core.wire_telemetry import from_wire
from benchfleet.v1 import agent_pb2 as pb

POLICIES = 3


def write(root: Path, policy: int, text: str) -> None:
    folder = root / f"sys/devices/system/cpu/cpufreq/policy{policy}"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "scaling_cur_freq").write_text(text)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for policy in range(POLICIES):
        write(tmp_path, policy, f"{40_000 + policy * 1000}\n")
    return tmp_path


class Line:
    """An agent's end of a session: what is queued is taken as the stream would."""

    def __init__(self, root: Path) -> None:
        self.sampler = Sampler(live(root))
        self.sampler.active(True)
        self.outbound = Outbound()
        self.uplink = Uplink(self.sampler, self.outbound, ManualClock())

    def read(self, times: int) -> None:
        for _ in range(times):
            self.sampler.read_once()

    async def taken(self) -> list[pb.TelemetryBatch]:
        """Everything that waits."""
        self.outbound.finish()
        return [message.telemetry async for message in self.outbound.messages()]


async def test_what_was_read_goes_up_once_with_each_series_named_once(root: Path) -> None:
    line = Line(root)
    line.read(3)
    line.uplink.pump(Ref("run-1", 2))
    line.uplink.pump(Ref("run-1", 2))  # nothing new
    write(root, 0, "55000")
    line.read(2)
    line.uplink.pump(Ref("run-1", 2))
    first, second = await line.taken()
    assert [len(b.offset_us) for b in (first, second)] == [3, 2]
    assert sorted(d.sensor for d in first.definitions) == [f"cpufreq/policy{i}" for i in range(POLICIES)]
    assert not second.definitions
    assert (first.seq, second.seq, first.attempt.run_id, first.attempt.epoch) == (1, 2, "run-1", 2)
    hot = next(d.series_id for d in first.definitions if d.sensor == "cpufreq/policy0")
    assert list(from_wire(first).columns[hot].values) == [40_000_000] * 3
    assert from_wire(second).columns[hot].last == 55_000_000
    line.sampler.stop()


async def test_a_lost_sensor_is_said_to_be_lost_and_one_that_was_not_due_is_not(root: Path) -> None:
    (root / "proc/pressure").mkdir(parents=True)
    (root / "proc/pressure/cpu").write_text("some avg10=1.00 avg60=0.00\n")
    line = Line(root)
    line.read(1)
    write(root, 1, "garbage")
    line.read(1)
    line.uplink.pump(None)
    (batch,) = await line.taken()
    names = {d.sensor: d.series_id for d in batch.definitions}
    columns = from_wire(batch).columns
    assert columns[names["cpufreq/policy1"]].last != columns[names["cpufreq/policy1"]].last
    assert columns[names["psi/cpu"]].last == pytest.approx(0.01)
    assert columns[names["psi/cpu"]].values[1] != columns[names["psi/cpu"]].values[1]
    line.sampler.stop()


async def test_nothing_goes_up_while_nothing_is_measured(root: Path) -> None:
    line = Line(root)
    line.sampler.active(False)
    line.read(5)
    line.uplink.pump(None)
    assert await line.taken() == []
    line.sampler.stop()


async def test_a_controller_that_does_not_read_costs_no_memory_and_is_told_what_it_missed(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uplink, "BACKLOG_TICKS", 10)
    line = Line(root)
    for _ in range(OFFERED_WAITING_MAX + 20):
        line.read(5)
        line.uplink.pump(None)
    assert line.outbound._queue.qsize() == OFFERED_WAITING_MAX
    assert line.uplink.dropped == 5 * 20 - 10
    assert not line.outbound.overflowed.is_set()
    assert len(await line.taken()) == OFFERED_WAITING_MAX
    line.read(1)
    line.uplink.pump(None)
    (batch,) = await line.taken()
    assert batch.dropped_samples == line.uplink.dropped == 5 * 20 - 9
    assert len(batch.offset_us) == 10
    line.sampler.stop()


async def test_beats_and_progress_find_room_beside_telemetry(root: Path) -> None:
    line = Line(root)
    for _ in range(100):
        line.read(1)
        line.uplink.pump(None)
    beat = pb.SessionRequest(heartbeat=pb.Heartbeat(seq=1))
    assert all(line.outbound.send(beat) for _ in range(OUTBOUND_MAX - OFFERED_WAITING_MAX))
    line.sampler.stop()


async def test_nothing_goes_up_while_results_do(root: Path) -> None:
    line = Line(root)
    line.read(3)
    line.uplink.pump(None, busy=True)
    assert line.outbound._queue.empty()
    line.uplink.pump(None)
    (batch,) = await line.taken()
    assert len(batch.offset_us) == 3
    line.sampler.stop()


async def test_a_batch_that_would_be_too_large_goes_in_parts_and_none_is_lost(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uplink, "BATCH_BYTES_MAX", 400)
    monkeypatch.setattr(link, "OFFERED_WAITING_MAX", 1000)
    line = Line(root)
    line.read(50)
    line.uplink.pump(None)
    batches = await line.taken()
    assert len(batches) > 2
    assert max(b.ByteSize() for b in batches) <= 400
    assert sum(len(b.offset_us) for b in batches) == 50
    line.sampler.stop()


async def test_the_most_that_can_be_offered_is_below_what_is_taken() -> None:
    assert uplink.BATCH_BYTES_MAX < MESSAGE_BYTES_MAX


async def test_a_controller_that_wants_none_gets_none(root: Path) -> None:
    line = Line(root)
    await asyncio.wait_for(line.uplink.run(0, list, lambda: False), 5)
    line.sampler.stop()
