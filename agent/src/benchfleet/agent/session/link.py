"""The channel to the controller: one stream with one writer, and transfers on a channel of their own."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import random
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from pathlib import Path
from typing import Any

import grpc

from benchfleet.agent.identity import CHANNEL_OPTIONS, Identity
from benchfleet.agent.spool import Entry
from benchfleet.core.errors import DocumentError, UnreachableError
from benchfleet.core.status import error_of
from benchfleet.core.wire import CHUNK_BYTES, MESSAGE_BYTES_MAX
from benchfleet.v1 import agent_pb2, enrollment_pb2
from benchfleet.v1.agent_pb2_grpc import AgentServiceStub
from benchfleet.v1.enrollment_pb2_grpc import RenewalServiceStub

log = logging.getLogger(__name__)

CALL_TIMEOUT_S = 30.0
TRANSFER_TIMEOUT_S = 3600.0
OUTBOUND_MAX = 64
OUTBOUND_BYTES_MAX = 256 * 1024
"""What waits for the one writer; more means a stuck stream, which is dropped. A larger message goes alone."""

OFFERED_WAITING_MAX = 4
"""Messages that may wait when one is offered that can be left out: progress and beats always find room."""

FETCH_TRIES_MAX = 6
"""Tries in a row that brought no byte: about a minute of absence, longer than a lease lasts without a controller."""

FETCH_WAIT_MAX_S = 15.0
RESUMED = (
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.CANCELLED,
    grpc.StatusCode.INTERNAL,
    grpc.StatusCode.UNKNOWN,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
)
"""How a cut, a restart of the controller, or a reset of the stream ends a fetch."""


def channel(identity: Identity) -> grpc.aio.Channel:
    """A channel with this device's certificate; any address, one name."""
    credentials = grpc.ssl_channel_credentials(
        identity.ca_pem.encode(), identity.key_pem.encode(), identity.certificate_pem.encode()
    )
    return grpc.aio.secure_channel(identity.controller, credentials, options=list(CHANNEL_OPTIONS))


class Transfers:
    """What is not the session: artifacts down, series and results up, the next certificate."""

    def __init__(self, identity: Identity, uniform: Callable[[float, float], float] = random.uniform) -> None:
        self._uniform, self._peer = uniform, identity.controller
        self._channel = channel(identity)
        self._agents = AgentServiceStub(self._channel)
        self._renewal = RenewalServiceStub(self._channel)

    async def close(self, grace_s: float | None = None) -> None:
        """Ends the channel, at once or when what is on its way has come through."""
        await self._channel.close(grace_s)

    async def fetch(self, digest: str, offset: int) -> AsyncIterator[bytes]:
        """The bytes of an artifact from an offset on, resumed where it is cut; UnreachableError when given up."""
        failed = 0
        while True:
            request = agent_pb2.FetchArtifactRequest(digest=digest, offset=offset)
            try:
                async for part in self._agents.FetchArtifact(request, timeout=TRANSFER_TIMEOUT_S):
                    offset += len(part.data)
                    failed = 0
                    yield part.data
                return
            except grpc.aio.AioRpcError as error:
                metadata: Any = error.trailing_metadata()  # pairs, whatever the stubs say
                said = error_of(error.code().name, error.details(), metadata, peer=self._peer)
                if error.code() not in RESUMED:
                    raise said from error
                failed += 1
                log.warning("fetch event=cut digest=%s offset=%d tries=%d error=%s", digest[:12], offset, failed, said)
                if failed >= FETCH_TRIES_MAX:
                    raise UnreachableError(
                        f"artifact {digest[:12]}: {failed} tries brought no byte; last: {said}"
                    ) from error
            await asyncio.sleep(self._uniform(0, min(FETCH_WAIT_MAX_S, 2.0**failed)))

    async def report(self, entry: Entry) -> None:
        """Series first, then the result; returns when the controller has committed both."""
        series_digest = ""
        if entry.series is not None:
            series_digest = await self._upload(entry.series)
        await self._agents.ReportResult(
            agent_pb2.ReportResultRequest(
                attempt=agent_pb2.AttemptRef(run_id=entry.run_id, epoch=entry.epoch),
                result_json=entry.result_json,
                result_digest=hashlib.sha256(entry.result_json).hexdigest(),
                series_digest=series_digest,
                incarnation=entry.incarnation,
                outcome=entry.outcome,
                failure_reason=entry.failure_reason,
            ),
            timeout=CALL_TIMEOUT_S,
        )

    async def renew(self, csr_pem: bytes) -> str:
        """The next certificate, as PEM."""
        answer = await self._renewal.Renew(enrollment_pb2.RenewRequest(csr_pem=csr_pem), timeout=CALL_TIMEOUT_S)
        return str(answer.certificate_pem.decode())

    async def _upload(self, path: Path) -> str:
        data = await asyncio.to_thread(path.read_bytes)
        digest = hashlib.sha256(data).hexdigest()
        head = agent_pb2.UploadSeriesRequest(digest=digest, size_bytes=len(data))
        held = (await self._agents.UploadSeries(_one(head), timeout=CALL_TIMEOUT_S)).committed_bytes
        if held < len(data):
            await self._agents.UploadSeries(_parts(digest, data, held), timeout=TRANSFER_TIMEOUT_S)
        return digest


async def _one(message: agent_pb2.UploadSeriesRequest) -> AsyncIterator[agent_pb2.UploadSeriesRequest]:
    yield message


async def _parts(digest: str, data: bytes, held: int) -> AsyncIterator[agent_pb2.UploadSeriesRequest]:
    for offset in range(held, len(data), CHUNK_BYTES):
        part = data[offset : offset + CHUNK_BYTES]
        yield agent_pb2.UploadSeriesRequest(digest=digest, size_bytes=len(data), offset=offset, data=part)


class Outbound:
    """Messages up, in order, written by one task: two writes in flight would end the stream."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[agent_pb2.SessionRequest | None] = asyncio.Queue(OUTBOUND_MAX)
        self.held_bytes = 0
        self.overflowed = asyncio.Event()

    def send(self, message: agent_pb2.SessionRequest) -> bool:
        """Queues a message; False when the stream does not move; DocumentError for one that is too large to send."""
        size_bytes = message.ByteSize()
        if size_bytes > MESSAGE_BYTES_MAX:
            raise DocumentError(
                f"message of {size_bytes} bytes to the controller: at most {MESSAGE_BYTES_MAX} are sent"
            )
        if (self.held_bytes and self.held_bytes + size_bytes > OUTBOUND_BYTES_MAX) or self._queue.full():
            self.overflowed.set()
            return False
        self.held_bytes += size_bytes
        self._queue.put_nowait(message)
        return True

    def offer(self, message: agent_pb2.SessionRequest) -> bool:
        """Queues what may be left out, while little waits and half of the room stays free; False otherwise."""
        waits = self._queue.qsize() >= OFFERED_WAITING_MAX
        if waits or self.held_bytes + message.ByteSize() > OUTBOUND_BYTES_MAX // 2:
            return False
        return self.send(message)

    def finish(self) -> None:
        """Ends the stream after what is queued."""
        if not self._queue.full():
            self._queue.put_nowait(None)

    async def write_to(self, call: Any) -> None:
        """The one writer: returns when the stream is finished or gone. Why it is gone is for its reader to say.

        A generator given to the stub would be pulled by a task of the library that nobody awaits, and that outlives a
        stream which the controller's end has cut.
        """
        with contextlib.suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):
            async with contextlib.aclosing(self.messages()) as queued:
                async for message in queued:
                    await call.write(message)
            await call.done_writing()

    async def messages(self) -> AsyncGenerator[agent_pb2.SessionRequest, None]:
        """In order, one at a time, until the stream is finished."""
        while (message := await self._queue.get()) is not None:
            self.held_bytes -= message.ByteSize()
            yield message
