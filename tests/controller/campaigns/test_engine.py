"""The engine over a real store: what is committed, what is answered, and who is told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import pytest
from sqlalchemy import func, insert, select, update

from benchfleet.controller.campaigns.engine import Engine
from benchfleet.controller.campaigns.machine import Lease, Lost, Reported
from benchfleet.controller.campaigns.rows import Report
from benchfleet.controller.campaigns.scheduler import OFFLINE_S
from benchfleet.controller.events import Hub
from benchfleet.controller.fleet.sessions import LiveSession, Sessions
from benchfleet.controller.store import Store
from benchfleet.controller.store import tables as t
from benchfleet.core import wire
from benchfleet.core.clock import ManualClock
from benchfleet.core.errors import RefusedError
from benchfleet.core.runspec import Artifact, ModelRef, RunSpec

WAIT_S = 20.0
OK = Reported(epoch=1, incarnation=1, outcome="ok", reason="", detail="", verdict="valid")
REPORT = Report(run_id="r-1", device="edge", digest="d" * 64, series_digest="", result_json=b"{}", event=OK)


@dataclass
class World:
    engine: Engine
    store: Store
    clock: ManualClock

    async def run(self) -> tuple[str, str]:
        row = await self.store.read(lambda c: c.execute(select(t.run.c.state, t.run.c.reason)).one())
        return row.state, row.reason

    async def until(self, state: str, *, step_s: float = 0.0) -> str:
        """The reason of the run once it is in `state`; the sweep is woken, not waited for."""
        async with asyncio.timeout(WAIT_S):
            while (found := await self.run())[0] != state:
                self.clock.advance(step_s)
                self.engine.wake()
                await asyncio.sleep(0.01)
        return found[1]

    def connect(self) -> None:
        self.engine.sessions.open(LiveSession(device="edge", incarnation=1, instance_id="i"))
        self.engine.wake()

    async def admit(self, admission: str) -> None:
        await self.store.write(lambda c: c.execute(update(t.device).values(admission=admission)))


def populate(connection):
    connection.execute(insert(t.device).values(name="edge", enrolled_utc_s=0.0))
    campaign = {"id": "c-1", "name": "c", "state": "queued", "spec_digest": "", "idempotency_key": "k"}
    connection.execute(insert(t.campaign).values(document_yaml="", created_by="", created_utc_s=0.0, **campaign))
    run = {"id": "r-1", "campaign": "c-1", "ordinal": 0, "device": "edge", "cell_key": "x", "state": "queued"}
    connection.execute(insert(t.run).values(spec=b"", cell=b"", max_attempts=3, **run))


@pytest.fixture
async def world(tmp_path) -> AsyncIterator[World]:
    store, clock = Store(tmp_path), ManualClock()
    await store.write(populate)
    engine = Engine(store, Sessions(), Hub(), clock)
    yield World(engine, store, clock)
    await engine.stop()
    store.close()


async def test_a_run_waits_for_a_device_that_is_away_and_is_then_unschedulable_until_it_is_back(world):
    await world.engine.start()
    started_s = world.clock.boottime_s()
    assert await world.until("unschedulable", step_s=10.0) == "device_offline"
    assert world.clock.boottime_s() - started_s >= OFFLINE_S
    campaign = await world.store.read(lambda c: c.execute(select(t.campaign)).one())
    assert (campaign.state, campaign.ended_utc_s) == ("queued", None)
    world.connect()
    await world.until("leased")


@pytest.mark.parametrize("admission", ["revoked", "quarantined", "draining"])
async def test_a_run_of_a_device_that_an_operator_took_out_is_unschedulable_at_once(world, admission):
    await world.admit(admission)
    world.connect()
    await world.engine.start()
    assert await world.until("unschedulable") == f"device_{admission}"
    await world.admit("open")
    await world.until("leased")


async def test_the_reason_follows_what_is_true_now(world):
    await world.admit("draining")
    await world.engine.start()
    await world.until("unschedulable")
    await world.admit("revoked")
    async with asyncio.timeout(WAIT_S):
        while (await world.run())[1] != "device_revoked":
            world.engine.wake()
            await asyncio.sleep(0.01)


async def test_equal_reports_at_one_instant_are_one_row_and_one_answer(world):
    await world.engine.handle("r-1", Lease(incarnation=1))
    answers = await asyncio.gather(*(world.engine.report(REPORT) for _ in range(8)))
    assert answers == ["accepted"] * 8
    rows = await world.store.read(lambda c: c.execute(select(func.count()).select_from(t.result)).scalar_one())
    assert rows == 1
    assert await world.run() == ("succeeded", "")


async def test_another_result_of_an_attempt_that_is_decided_is_kept_as_superseded(world):
    await world.engine.handle("r-1", Lease(incarnation=1))
    assert await world.engine.report(REPORT) == "accepted"
    other = replace(REPORT, digest="e" * 64)
    assert [await world.engine.report(other) for _again in range(2)] == ["superseded"] * 2


async def test_a_result_that_another_incarnation_measured_is_kept_and_does_not_count(world):
    await world.engine.handle("r-1", Lease(incarnation=1))
    stranger = replace(REPORT, event=replace(OK, incarnation=2))
    assert await world.engine.report(stranger) == "superseded"
    assert (await world.run())[0] == "leased"


@pytest.mark.parametrize("changes", [{"device": "other"}, {"run_id": "r-2"}, {"event": replace(OK, epoch=2)}])
async def test_a_result_of_what_is_not_the_device_s_is_refused_and_changes_nothing(world, changes):
    await world.engine.handle("r-1", Lease(incarnation=1))
    with pytest.raises(RefusedError, match="not an attempt"):
        await world.engine.report(replace(REPORT, **changes))
    assert (await world.run())[0] == "leased"


def offered(session: LiveSession) -> list[list[str]]:
    """The runs of each assignment that waits to be sent."""
    found = []
    while not session.outbound.empty():
        message = session.outbound.get_nowait()
        if message is not None and message.WhichOneof("message") == "assign":
            assign = message.assign
            found.append([assign.attempt.run_id, *(each.attempt.run_id for each in assign.companions)])
    return found


async def block_of(world: World, size: int, *, block_max: int = 8) -> LiveSession:
    """A device with `size` queued runs of one campaign, and its session."""
    spec = wire.runspec_to_wire(
        RunSpec(
            model=ModelRef(
                name="m:1", format="onnx", precision=None, artifact=Artifact(digest="a" * 64, size_bytes=10)
            ),
            runtime="null",
        )
    ).SerializeToString()

    def more(connection):
        connection.execute(update(t.device).values(inventory_json=json.dumps({"memory_bytes": 10**11})))
        connection.execute(update(t.run).values(spec=spec))
        for i in range(2, size + 1):
            run = {"id": f"r-{i}", "campaign": "c-1", "ordinal": i, "device": "edge", "cell_key": str(i)}
            connection.execute(insert(t.run).values(spec=spec, cell=b"", state="queued", max_attempts=3, **run))

    await world.store.write(more)
    session = LiveSession(device="edge", incarnation=1, instance_id="i", block_max=block_max)
    world.engine.sessions.open(session)
    return session


async def leased(world: World) -> list[str]:
    query = select(t.run.c.id).where(t.run.c.state == "leased").order_by(t.run.c.id)
    return list(await world.store.read(lambda c: c.execute(query).scalars().all()))


async def test_the_queued_cells_of_a_device_are_leased_as_one_block_and_offered_in_one_message(world):
    session = await block_of(world, 3)
    await world.engine._schedule()
    assert await leased(world) == ["r-1", "r-2", "r-3"]
    assert offered(session) == [["r-1", "r-2", "r-3"]]
    tokens = await world.store.read(lambda c: c.execute(select(t.attempt.c.token)).scalars().all())
    assert sorted(tokens) == [1, 2, 3], "each lease has a token of its own"


async def test_an_agent_that_takes_one_at_a_time_gets_one(world):
    session = await block_of(world, 3, block_max=1)
    await world.engine._schedule()
    assert offered(session) == [["r-1"]]


async def test_a_run_at_its_last_attempt_goes_alone_so_that_what_took_the_agent_with_it_costs_no_other(world):
    session = await block_of(world, 3)
    await world.store.write(lambda c: c.execute(update(t.run).values(attempts=1)))
    await world.engine._schedule()
    assert offered(session) == [["r-1", "r-2", "r-3"]]
    for run_id in ("r-1", "r-2", "r-3"):
        await world.engine.handle(run_id, Lost("agent_restart"))
    await world.engine._schedule()
    assert offered(session) == [["r-1"]]


async def test_a_run_that_has_one_attempt_only_is_measured_with_the_others(world):
    session = await block_of(world, 3)
    await world.store.write(lambda c: c.execute(update(t.run).values(max_attempts=1)))
    await world.engine._schedule()
    assert offered(session) == [["r-1", "r-2", "r-3"]]


async def test_a_device_is_not_leased_again_before_the_whole_block_has_ended_there(world):
    session = await block_of(world, 2)
    await world.engine._schedule()
    offered(session)
    await world.engine.report(REPORT)
    await world.store.write(
        lambda c: c.execute(
            insert(t.run).values(
                id="r-9", campaign="c-1", ordinal=9, device="edge", cell_key="9", state="queued", spec=b"", cell=b"",
                max_attempts=3,
            )
        )
    )  # fmt: skip
    await world.engine._schedule()
    assert offered(session) == []
    await world.engine.report(replace(REPORT, run_id="r-2", digest="e" * 64))
    await world.engine._schedule()
    assert offered(session) == [["r-9"]]


async def test_what_is_left_of_a_block_is_offered_again_together(world):
    session = await block_of(world, 3)
    await world.engine._schedule()
    offered(session)
    await world.engine.report(REPORT)
    await world.engine.reoffer("r-3")
    assert offered(session) == [["r-3", "r-2"]]
