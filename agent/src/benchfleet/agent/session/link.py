"""The channel to the controller: one stream with one writer, and transfers on a channel of their own."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import grpc

from benchfleet.agent.identity import CHANNEL_OPTIONS, Identity
from benchfleet.agent.spool import Entry
from benchfleet.core.wire import CHUNK_BYTES
from benchfleet.v1 import agent_pb2, enrollment_pb2
from benchfleet.v1.agent_pb2_grpc import AgentServiceStub
from benchfleet.v1.enrollment_pb2_grpc import RenewalServiceStub

CALL_TIMEOUT_S = 30.0
TRANSFER_TIMEOUT_S = 3600.0
OUTBOUND_MAX = 256
"""Messages that wait for the one writer; more means that the stream is stuck, and it is dropped."""


def channel(identity: Identity) -> grpc.aio.Channel:
    """A channel with this device's certificate; any address, one name."""
    credentials = grpc.ssl_channel_credentials(
        identity.ca_pem.encode(), identity.key_pem.encode(), identity.certificate_pem.encode()
    )
    return grpc.aio.secure_channel(identity.controller, credentials, options=list(CHANNEL_OPTIONS))


class Transfers:
    """What is not the session: artifacts down, series and results up, the next certificate."""

    def __init__(self, identity: Identity) -> None:
        self._channel = channel(identity)
        self._agents = AgentServiceStub(self._channel)
        self._renewal = RenewalServiceStub(self._channel)

    async def close(self) -> None:
        """Ends the channel."""
        await self._channel.close(None)

    async def fetch(self, digest: str, offset: int) -> AsyncIterator[bytes]:
        """The bytes of an artifact from an offset on."""
        request = agent_pb2.FetchArtifactRequest(digest=digest, offset=offset)
        async for part in self._agents.FetchArtifact(request, timeout=TRANSFER_TIMEOUT_S):
            yield part.data

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

    def send(self, message: agent_pb2.SessionRequest) -> bool:
        """Queues a message; False when the stream does not move."""
        try:
            self._queue.put_nowait(message)
        except asyncio.QueueFull:
            return False
        return True

    def finish(self) -> None:
        """Ends the stream after what is queued."""
        if not self._queue.full():
            self._queue.put_nowait(None)

    async def messages(self) -> AsyncIterator[agent_pb2.SessionRequest]:
        """For the stub: it pulls one at a time."""
        while (message := await self._queue.get()) is not None:
            yield message
