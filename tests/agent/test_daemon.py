"""The daemon against a controller that refuses, hangs, cuts, sends twice and sends away."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import random
from collections.abc import AsyncIterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from benchfleet.agent import probe
from benchfleet.agent.daemon import Daemon, Settings
from benchfleet.agent.session.link import FETCH_TRIES_MAX
from benchfleet.agent.spool import Entry
from benchfleet.core import wire
from benchfleet.core.clock import ManualClock
from benchfleet.core.errors import DocumentError, RefusedError, UnreachableError
from benchfleet.core.runspec import Artifact, ModelRef, RunSpec
from benchfleet.v1 import agent_pb2 as pb
from tests.support.fake_controller import WAIT_S, Behaviour, FakeController, Session, cut_after, refuse, serve, until


class Draws(random.Random):
    """Never waits, and remembers how long it might have."""

    def __init__(self) -> None:
        super().__init__(1)
        self.highs: list[float] = []

    def uniform(self, a: float, b: float) -> float:
        self.highs.append(b)
        return a


class Run:
    """A daemon that runs beside the test."""

    def __init__(self, controller: FakeController, state: Path) -> None:
        controller.enroll(state)
        self.draws = Draws()
        self.daemon = Daemon(Settings(state=state, inventory=INVENTORY), rng=self.draws)
        self.task = asyncio.create_task(self.daemon.run())

    async def ended(self) -> None:
        await asyncio.wait_for(self.task, WAIT_S)


INVENTORY = probe.inventory()


@contextlib.asynccontextmanager
async def agent(state: Path, *behaviours: Behaviour) -> AsyncIterator[tuple[FakeController, Run]]:
    async with FakeController(*behaviours) as controller:
        run = Run(controller, state)
        try:
            yield controller, run
        finally:
            run.daemon.stop()
            with contextlib.suppress(RefusedError):
                await run.ended()


async def test_a_stop_is_said_with_bye_after_what_was_queued(tmp_path: Path) -> None:
    async with agent(tmp_path) as (controller, run):
        await until(lambda: controller.sessions and "heartbeat" in controller.sessions[0].kinds())
        run.daemon.stop()
        await run.ended()
        await until(lambda: controller.sessions[0].kinds()[-1] == "bye")


@pytest.mark.parametrize("reason", ["SUPERSEDED", "OLD_INCARNATION", "CLONED", "PROTOCOL_VERSION"])
async def test_a_fenced_agent_stops_and_says_so(tmp_path: Path, reason: str) -> None:
    async with agent(tmp_path, refuse(RefusedError("another is newer", reason=reason))) as (controller, run):
        with pytest.raises(RefusedError, match="another is newer") as caught:
            await run.ended()
        assert caught.value.exit_code == 6
        assert len(controller.sessions) == 1


async def test_a_controller_that_is_not_available_is_asked_again_with_growing_jitter(tmp_path: Path) -> None:
    error = refuse(UnreachableError("starting", reason="STARTING"))
    async with agent(tmp_path, error, error, error, serve) as (controller, run):
        await until(lambda: len(controller.sessions) == 4)
        assert [high for high in run.draws.highs if high < 60][:3] == [2, 4, 8]


async def test_a_cut_stream_is_opened_anew_with_the_same_incarnation(tmp_path: Path) -> None:
    async with agent(tmp_path, cut_after(2), serve) as (controller, _):
        await until(lambda: len(controller.sessions) == 2 and controller.sessions[1].received)
        first, second = (s.received[0].hello for s in controller.sessions)
        assert (first.incarnation, first.instance_id) == (second.incarnation, second.instance_id)


async def test_a_final_go_away_ends_the_agent_with_its_reason(tmp_path: Path) -> None:
    async def away(session: Session) -> None:
        await session.welcome()
        await session.go_away("ENDED", final=True)
        await session.read()

    async with agent(tmp_path, away) as (_, run):
        with pytest.raises(RefusedError, match=r"the test says so \(ENDED\)"):
            await run.ended()


async def test_the_time_of_a_go_away_is_waited_for_with_jitter_on_top(tmp_path: Path) -> None:
    async def away(session: Session) -> None:
        await session.welcome(beat_ms=8000)
        await session.go_away("BUSY", retry_after_ms=200)
        await session.read()

    async with agent(tmp_path, away, serve) as (controller, _):
        loop, times = asyncio.get_running_loop(), []
        for count in (1, 2):
            await until(lambda count=count: len(controller.sessions) == count)
            times.append(loop.time())
        assert times[1] - times[0] >= 0.19


async def test_three_unanswered_heartbeats_end_a_session_whatever_else_arrives(tmp_path: Path) -> None:
    async def chatter(session: Session) -> None:
        await session.welcome()
        cancel = pb.SessionResponse(cancel=pb.Cancel(attempt=pb.AttemptRef(run_id="run-1", epoch=1)))
        while await session.read() is not None:
            await session.context.write(cancel)

    async with agent(tmp_path, chatter, serve) as (controller, _):
        await until(lambda: len(controller.sessions) == 2)
        assert controller.sessions[0].kinds().count("heartbeat") == 3
        assert "progress" in controller.sessions[0].kinds()


async def test_a_lost_ack_among_answered_ones_does_no_harm(tmp_path: Path) -> None:
    async def every_second(session: Session) -> None:
        await session.welcome()
        while (message := await session.read()) is not None:
            if message.HasField("heartbeat") and message.heartbeat.seq % 2 == 0:
                await session.ack(message.heartbeat.seq)

    async with agent(tmp_path, every_second) as (controller, _):
        await until(lambda: controller.sessions and controller.sessions[0].kinds().count("heartbeat") > 9)
        assert len(controller.sessions) == 1


async def test_what_is_not_known_and_what_names_no_run_is_passed_over(tmp_path: Path) -> None:
    async def garbage(session: Session) -> None:
        await session.welcome()
        await session.context.write(pb.SessionResponse())
        bad = pb.Assign(attempt=pb.AttemptRef(run_id="../../etc", epoch=1))
        await session.context.write(pb.SessionResponse(assign=bad))
        while (message := await session.read()) is not None and not message.HasField("bye"):
            if message.HasField("heartbeat"):
                await session.ack(message.heartbeat.seq)

    async with agent(tmp_path, garbage) as (controller, run):
        await until(lambda: controller.sessions and controller.sessions[0].kinds().count("heartbeat") > 4)
        assert not run.daemon.active()
        assert len(controller.sessions) == 1


async def test_a_controller_of_another_protocol_is_named_with_both_versions(tmp_path: Path) -> None:
    async def newer(session: Session) -> None:
        await session.welcome(version=9)
        await session.read()

    async with agent(tmp_path, newer) as (_, run):
        with pytest.raises(
            RefusedError, match=r"speaks protocol 9, this agent 1 to 1; .*pip install --upgrade"
        ) as caught:
            await run.ended()
        assert caught.value.exit_code == 6


def spooled(run_id: str) -> Entry:
    return Entry(
        run_id=run_id,
        epoch=1,
        result_json=b"{}",
        outcome="ok",
        failure_reason="",
        incarnation=1,
        series=None,
    )


async def test_a_report_is_sent_until_it_is_answered_and_only_then_leaves_the_spool(tmp_path: Path) -> None:
    async with FakeController() as controller:
        controller.refusals = [UnreachableError("busy"), DocumentError("not here", reason="NO_SERIES")]
        run = Run(controller, tmp_path)
        run.daemon.spool.put(spooled("run-1"))
        await until(lambda: controller.reports)
        assert [e.run_id for e in run.daemon.spool.entries()] == ["run-1"]
        await until(lambda: len(controller.reports) == 3 and not list(run.daemon.spool.entries()))
        run.daemon.stop()
        await run.ended()
        assert not list((tmp_path / "spool").glob("*.refused"))


async def test_a_report_that_is_refused_for_good_is_set_aside_and_kept(tmp_path: Path) -> None:
    async with FakeController() as controller:
        controller.refusals = [DocumentError("latency is negative", reason="IMPLAUSIBLE")]
        run = Run(controller, tmp_path)
        run.daemon.spool.put(spooled("run-1"))
        await until(lambda: list((tmp_path / "spool").glob("*.refused")))
        run.daemon.stop()
        await run.ended()
        assert len(controller.reports) == 1


SPEC = RunSpec(
    model=ModelRef(name="m:fp32", format="onnx", precision="fp32", artifact=Artifact(digest="a" * 64, size_bytes=9)),
    runtime="null",
)


async def test_an_offer_sent_twice_is_tried_once_and_fails_when_its_artifact_cannot_be_had(tmp_path: Path) -> None:
    async def twice(session: Session) -> None:
        await session.welcome()
        attempt = pb.AttemptRef(run_id="run-1", epoch=1)
        for _ in range(2):
            assign = pb.Assign(attempt=attempt, spec=wire.runspec_to_wire(SPEC))
            await session.context.write(pb.SessionResponse(assign=assign))
        while (message := await session.read()) is not None and not message.HasField("bye"):
            if message.HasField("heartbeat"):
                await session.ack(message.heartbeat.seq)

    async with agent(tmp_path, twice) as (controller, _):
        controller.cuts = [0] * 50
        await until(lambda: controller.reports)
        assert [r.failure_reason for r in controller.reports] == ["artifact_unavailable"]
        assert len(controller.offsets) == FETCH_TRIES_MAX
        phases = [m.progress.phase for m in controller.sessions[0].received if m.HasField("progress")]
        assert phases.count(pb.PHASE_ACCEPTED) == 2


async def test_the_next_certificate_comes_at_half_life_and_is_the_one_of_the_next_session(tmp_path: Path) -> None:
    async with FakeController(cut_after(3)) as controller:
        controller.enroll(tmp_path)
        now = datetime.now(timezone.utc)
        clock = ManualClock(utc=now + timedelta(hours=13))
        draws = Draws()
        daemon = Daemon(Settings(state=tmp_path, inventory=INVENTORY), clock, draws)
        task = asyncio.create_task(daemon.run())
        await until(lambda: any(s.serial in controller.renewed for s in controller.sessions))
        assert controller.sessions[0].serial not in controller.renewed
        daemon.stop()
        await asyncio.wait_for(task, WAIT_S)


def test_a_controller_that_is_gone_leaves_nothing_behind_in_the_loop(tmp_path: Path, caplog) -> None:
    """What a loop complains about when tasks and generators are left: to its logger, at the latest when it closes."""

    async def lose() -> None:
        for k in range(5):
            async with agent(tmp_path / str(k)) as (controller, run):
                await until(lambda c=controller: c.sessions and "heartbeat" in c.sessions[0].kinds())
                await controller.crash()
                await until(lambda r=run: r.draws.highs)
        gc.collect()

    asyncio.run(lose())
    gc.collect()
    assert [r.getMessage() for r in caplog.records if r.name == "asyncio"] == []
