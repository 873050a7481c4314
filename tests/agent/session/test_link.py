"""The channel on a real wire: one writer, bounded queues, and a fetch that goes on where it was cut."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

import pytest

from benchfleet.agent.session import messages
from benchfleet.agent.session.link import (
    FETCH_TRIES_MAX,
    OUTBOUND_BYTES_MAX,
    OUTBOUND_MAX,
    Outbound,
    Transfers,
    channel,
)
from benchfleet.agent.session.machine import Ref
from benchfleet.core.errors import DocumentError, UnreachableError
from benchfleet.core.wire import MESSAGE_BYTES_MAX
from benchfleet.v1.agent_pb2_grpc import AgentServiceStub
from tests.support.fake_controller import FakeController, Session, hang, until

DATA = bytes(range(256)) * 64
DIGEST = hashlib.sha256(DATA).hexdigest()


def at_once(low: float, high: float) -> float:
    return 0.0


async def test_a_fetch_that_is_cut_goes_on_from_the_bytes_held(tmp_path: Path) -> None:
    async with FakeController() as controller:
        controller.blobs, controller.cuts = {DIGEST: DATA}, [1000, 0, 500]
        transfers = Transfers(controller.enroll(tmp_path), at_once)
        assert b"".join([part async for part in transfers.fetch(DIGEST, 0)]) == DATA
        await transfers.close()
        assert controller.offsets == [0, 1000, 1000, 1500]


async def test_a_fetch_that_brings_nothing_is_given_up_in_one_line(tmp_path: Path) -> None:
    async with FakeController() as controller:
        controller.cuts = [0] * 50
        transfers = Transfers(controller.enroll(tmp_path), at_once)
        with pytest.raises(UnreachableError, match=f"artifact {DIGEST[:12]}: {FETCH_TRIES_MAX} tries"):
            _ = [part async for part in transfers.fetch(DIGEST, 0)]
        await transfers.close()
        assert len(controller.offsets) == FETCH_TRIES_MAX


async def test_what_many_tasks_send_at_once_arrives_in_each_ones_order(tmp_path: Path) -> None:
    async def read_all(session: Session) -> None:
        while await session.read() is not None:
            pass

    async with FakeController(read_all) as controller, channel(controller.enroll(tmp_path)) as line:
        outbound = Outbound()
        call = AgentServiceStub(line).Session()
        writer = asyncio.create_task(outbound.write_to(call))

        async def sender(run: int) -> None:
            for epoch in range(20):
                await until(lambda epoch=epoch: outbound.send(messages.progress(Ref(f"run-{run}", epoch), "measuring")))

        await asyncio.gather(*map(sender, range(50)))
        await until(lambda: controller.sessions and len(controller.sessions[0].received) == 1000)
        seen: dict[str, list[int]] = {}
        for message in controller.sessions[0].received:
            seen.setdefault(message.progress.attempt.run_id, []).append(message.progress.attempt.epoch)
        assert all(epochs == list(range(20)) for epochs in seen.values())
        call.cancel()
        writer.cancel()
        await asyncio.gather(writer, return_exceptions=True)


async def test_a_peer_that_does_not_read_costs_a_bounded_queue_and_is_dropped(tmp_path: Path) -> None:
    async with FakeController(hang) as controller, channel(controller.enroll(tmp_path)) as line:
        outbound = Outbound()
        call = AgentServiceStub(line).Session()
        writer = asyncio.create_task(outbound.write_to(call))
        bulky = messages.bye("x" * 60_000)

        async def flood() -> None:
            while not outbound.overflowed.is_set():
                outbound.send(bulky)
                await asyncio.sleep(0)

        await asyncio.wait_for(flood(), 20)
        assert outbound.held_bytes <= OUTBOUND_BYTES_MAX
        call.cancel()
        writer.cancel()
        await asyncio.gather(writer, return_exceptions=True)


def test_a_queue_that_is_full_says_so_and_a_message_too_large_is_never_sent() -> None:
    outbound = Outbound()
    with pytest.raises(DocumentError, match="at most"):
        outbound.send(messages.bye("x" * (MESSAGE_BYTES_MAX + 1)))
    assert not outbound.overflowed.is_set()
    assert all(outbound.send(messages.bye("stopped")) for _ in range(OUTBOUND_MAX))
    assert not outbound.send(messages.bye("stopped"))
    assert outbound.overflowed.is_set()
