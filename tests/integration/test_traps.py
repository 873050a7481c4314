"""Options and habits of the servers, each with the failure that comes without it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest

from benchfleet.controller.fleet.sessions import QUEUE_MESSAGES_MAX, LiveSession
from benchfleet.controller.server import FLEET_OPTIONS, MESSAGE_RECEIVE_BYTES_MAX
from benchfleet.core.wire import CHUNK_BYTES, MESSAGE_BYTES_MAX
from benchfleet.v1 import agent_pb2

METHOD = "/trap.Trap/Session"
STREAMS = 2000
WAIT_S = 60.0


@asynccontextmanager
async def serving(behaviour: Any, options: dict[str, int]) -> AsyncIterator[str]:
    """A server with one method for bytes, without TLS: what is shown is not about certificates."""
    server = grpc.aio.server(options=list(options.items()))
    handler = grpc.stream_stream_rpc_method_handler(behaviour)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("trap.Trap", {"Session": handler}),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(0)


async def echo(requests: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
    async for request in requests:
        yield request


async def silent(requests: Any, context: Any) -> None:
    await context.write(b"up")
    await asyncio.Event().wait()


async def opened_at_once(address: str) -> int:
    """How many of STREAMS streams, all opened at the same time over a few channels, get an answer."""
    options = [("grpc.use_local_subchannel_pool", 1)]
    channels = [grpc.aio.insecure_channel(address, options) for _ in range(20)]

    async def one(number: int) -> bool:
        stream = channels[number % len(channels)].stream_stream(METHOD)()
        try:
            await stream.write(b"x")
            return bool(await stream.read() == b"x")
        except grpc.aio.AioRpcError:
            return False
        finally:
            stream.cancel()

    try:
        return sum(await asyncio.gather(*map(one, range(STREAMS))))
    finally:
        await asyncio.gather(*(c.close() for c in channels))


async def test_a_fleet_that_reconnects_at_once_gets_in() -> None:
    async with serving(echo, FLEET_OPTIONS) as address, asyncio.timeout(WAIT_S):
        assert await opened_at_once(address) == STREAMS


async def test_it_would_not_with_a_small_pending_limit() -> None:
    small = {
        **FLEET_OPTIONS,
        "grpc.server.max_pending_requests": 5,
        "grpc.server.max_pending_requests_hard_limit": 10,
    }
    async with serving(echo, small) as address, asyncio.timeout(WAIT_S):
        assert await opened_at_once(address) < STREAMS


_PEER = """
import asyncio, sys, grpc
async def main():
    options = [(name, int(value)) for name, value in (o.split("=") for o in sys.argv[2:])]
    channel = grpc.aio.insecure_channel(sys.argv[1], options)
    stream = channel.stream_stream("/trap.Trap/Session")()
    await stream.write(b"x")
    print((await stream.read()).decode(), flush=True)
    await stream.read()
asyncio.run(main())
"""


def peer_of(address: str) -> subprocess.Popen[bytes]:
    """A client in a process of its own, with a stream open."""
    return subprocess.Popen([sys.executable, "-c", _PEER, address], stdout=subprocess.PIPE)


async def noticed(options: dict[str, int], within_s: float) -> bool:
    """Whether the server's side of a stream ends after its peer was stopped by SIGSTOP."""
    ended = asyncio.Event()

    async def session(requests: Any, context: Any) -> None:
        try:
            await context.read()
            await context.write(b"up")
            await context.read()
        finally:
            ended.set()

    async with serving(session, options) as address:
        peer = peer_of(address)
        try:
            assert peer.stdout is not None
            assert await asyncio.to_thread(peer.stdout.readline) == b"up\n"
            os.kill(peer.pid, signal.SIGSTOP)
            try:
                await asyncio.wait_for(ended.wait(), within_s)
            except asyncio.TimeoutError:
                return False
            return True
        finally:
            peer.kill()
            peer.wait()


QUICK = {**FLEET_OPTIONS, "grpc.keepalive_time_ms": 1000, "grpc.keepalive_timeout_ms": 1000}


async def test_a_hung_peer_is_noticed_by_the_ping_timeout() -> None:
    assert await noticed({**QUICK, "grpc.http2.ping_timeout_ms": 1000}, within_s=15.0)


async def test_keepalive_alone_does_not_notice_a_hung_peer() -> None:
    without = {name: value for name, value in QUICK.items() if name != "grpc.http2.ping_timeout_ms"}
    assert not await noticed(without, within_s=5.0)


def test_the_fleet_options_carry_every_remedy() -> None:
    assert FLEET_OPTIONS["grpc.server.max_pending_requests"] >= 20_000
    assert FLEET_OPTIONS["grpc.http2.ping_timeout_ms"] <= 10_000
    assert FLEET_OPTIONS["grpc.so_reuseport"] == 0
    client_keepalive_ms = 30_000
    assert FLEET_OPTIONS["grpc.http2.min_ping_interval_without_data_ms"] <= client_keepalive_ms / 2


async def test_one_writer_per_stream_sends_what_many_hand_in() -> None:
    """Two writes in flight end a stream; a session queues, and one task writes."""
    session = LiveSession(device="d", incarnation=1, instance_id="i")
    message = agent_pb2.SessionResponse(ack=agent_pb2.Ack(heartbeat_seq=1))
    assert all(session.send(message) for _ in range(QUEUE_MESSAGES_MAX))
    assert not session.send(message)
    assert session.closed


async def test_a_stream_that_dies_reads_end_of_file_like_a_clean_one() -> None:
    """So a clean end needs a Bye: without one the agent is lost."""
    seen: list[object] = []
    ended = asyncio.Event()

    async def session(requests: Any, context: Any) -> None:
        await context.read()
        await context.write(b"up")
        try:
            seen.append(await context.read())
        except asyncio.CancelledError:
            seen.append(grpc.aio.EOF)
            raise
        finally:
            ended.set()

    async with serving(session, FLEET_OPTIONS) as address:
        peer = peer_of(address)
        assert peer.stdout is not None
        await asyncio.to_thread(peer.stdout.readline)
        peer.kill()
        peer.wait()
        await asyncio.wait_for(ended.wait(), WAIT_S)
    assert seen == [grpc.aio.EOF]


@pytest.mark.parametrize(("size_bytes", "passes"), [(MESSAGE_BYTES_MAX, True), (MESSAGE_RECEIVE_BYTES_MAX + 1, False)])
async def test_messages_up_to_our_cap_pass_and_the_limit_ends_the_stream(size_bytes: int, passes: bool) -> None:
    async with serving(echo, FLEET_OPTIONS) as address, grpc.aio.insecure_channel(address) as channel:
        stream = channel.stream_stream(METHOD)()
        await stream.write(b"x" * size_bytes)
        if passes:
            assert len(await stream.read()) == size_bytes
        else:
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await stream.read()
            assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert CHUNK_BYTES < MESSAGE_BYTES_MAX < MESSAGE_RECEIVE_BYTES_MAX


async def test_pings_faster_than_the_server_allows_end_the_session() -> None:
    """The reason for min_ping_interval: a server without it sends GOAWAY too_many_pings."""
    options = [
        ("grpc.keepalive_time_ms", 200),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.max_pings_without_data", 0),
    ]

    async def ends(server_options: dict[str, int], within_s: float) -> bool:
        async with (
            serving(silent, server_options) as address,
            grpc.aio.insecure_channel(address, options) as channel,
        ):
            stream = channel.stream_stream(METHOD)()
            await stream.write(b"x")
            await stream.read()
            try:
                await asyncio.wait_for(stream.read(), within_s)
            except asyncio.TimeoutError:
                return False
            except grpc.aio.AioRpcError as error:
                return error.code() is grpc.StatusCode.UNAVAILABLE
            return False

    allowed = {
        **FLEET_OPTIONS,
        "grpc.http2.min_ping_interval_without_data_ms": 100,
        "grpc.http2.min_recv_ping_interval_without_data_ms": 100,
    }
    assert not await ends(allowed, within_s=4.0)
    assert await ends(dict(FLEET_OPTIONS), within_s=10.0)


def test_a_controller_takes_the_open_files_it_may_have() -> None:
    """In a process of its own, for a limit that is lowered does not come back."""
    script = """
import resource
from benchfleet.controller.server import raise_open_files
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 4096))
print(raise_open_files(), *resource.getrlimit(resource.RLIMIT_NOFILE))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["4096", "4096", "4096"]
