"""AgentService: the session of each agent, its results, its series, and the artifacts of its attempts."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
from collections.abc import AsyncIterator
from importlib import metadata
from typing import Any

from google.protobuf.message import DecodeError
from grpc import aio
from grpc.aio import ServicerContext
from sqlalchemy import Connection, insert, select, update

from benchfleet.controller.auth import peer
from benchfleet.controller.blobs import BlobStore
from benchfleet.controller.campaigns import machine, rows
from benchfleet.controller.campaigns.engine import Engine
from benchfleet.controller.fleet.sessions import WRITE_TIMEOUT_S, LiveSession
from benchfleet.controller.store import tables as t
from benchfleet.core import results, wire
from benchfleet.core.errors import BenchfleetError, DocumentError, RefusedError
from benchfleet.core.results import Result
from benchfleet.v1 import agent_pb2, run_pb2
from benchfleet.v1.agent_pb2_grpc import AgentServiceServicer

HEARTBEAT_S = 8.0
MISSED_MAX = 3
"""Heartbeats an agent may miss before its session ends."""

TELEMETRY_S = 1.0
HELLO_TIMEOUT_S = 20.0
FETCHES_MAX = 8
"""Downloads at once; the others wait, so that none is starved to a crawl."""

METRICS_MAX = 1000
INVENTORY_BYTES_MAX = 64 * 1024

EOF: Any = aio.EOF  # type: ignore[attr-defined]  # the stubs leave it out
_PHASES = {number: name.removeprefix("PHASE_").lower() for name, number in agent_pb2.Phase.items()}
Context = ServicerContext[Any, Any]


class AgentServicer(AgentServiceServicer):
    """Answers agents; who calls is the name in the certificate."""

    def __init__(self, engine: Engine, blobs: BlobStore) -> None:
        self._engine, self._blobs = engine, blobs
        self._fetches = asyncio.Semaphore(FETCHES_MAX)

    async def Session(self, request_iterator: object, context: Context) -> None:
        """One agent, from hello to bye or to the loss of the stream."""
        device = peer(context).name
        try:
            first = await asyncio.wait_for(context.read(), HELLO_TIMEOUT_S)
        except DecodeError:
            first = EOF
        if first is EOF or first.WhichOneof("message") != "hello":
            raise DocumentError(f"{device}: a session begins with hello", reason="NO_HELLO")
        session = await self._admit(device, first.hello)
        writer = asyncio.create_task(_drain(session, context))
        try:
            await self._reconcile(session, first.hello)
            self._engine.wake()
            await self._read(session, context, writer)
        finally:
            self._engine.sessions.forget(session)
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(writer, WRITE_TIMEOUT_S)

    async def _admit(self, device: str, hello: agent_pb2.Hello) -> LiveSession:
        if not wire.OLDEST_PROTOCOL_VERSION <= hello.protocol_version <= wire.PROTOCOL_VERSION:
            raise BenchfleetError(
                f"{device} speaks protocol {hello.protocol_version}, this controller {wire.OLDEST_PROTOCOL_VERSION} to "
                f"{wire.PROTOCOL_VERSION}; upgrade the older one: pip install --upgrade benchfleet-agent",
                reason="PROTOCOL_VERSION",
            )
        if hello.ByteSize() > INVENTORY_BYTES_MAX:
            raise DocumentError(f"{device}: its hello is larger than {INVENTORY_BYTES_MAX} bytes")
        now_utc_s = self._engine.clock.utc().timestamp()
        await self._engine.store.write(lambda c: _seen(c, device, hello, now_utc_s))
        session = LiveSession(
            device=device,
            incarnation=hello.incarnation,
            instance_id=hello.instance_id,
            block_max=max(1, min(hello.block_max, wire.BLOCK_MAX)),
        )
        if not self._engine.sessions.open(session):
            raise RefusedError(f"{device}: a newer incarnation is connected", reason="SUPERSEDED")
        welcome = agent_pb2.Welcome(
            protocol_version=wire.PROTOCOL_VERSION,
            controller_version=metadata.version("benchfleet"),
            heartbeat_interval_ms=int(HEARTBEAT_S * 1000),
            lease_ttl_ms=int(machine.LEASE_TTL_S * 1000),
            telemetry_interval_ms=int(TELEMETRY_S * 1000),
        )
        welcome.controller_time.FromDatetime(self._engine.clock.utc())
        session.send(agent_pb2.SessionResponse(welcome=welcome))
        return session

    async def _reconcile(self, session: LiveSession, hello: agent_pb2.Hello) -> None:
        """What the controller thinks this device holds, against what the agent says it does."""
        active = {(ref.run_id, ref.epoch) for ref in hello.active}
        spooled = {(ref.run_id, ref.epoch) for ref in hello.spooled}
        offered = set()
        for run_id, epoch, incarnation, block in await self._engine.store.read(lambda c: _held(c, session.device)):
            if (run_id, epoch) in active or (run_id, epoch) in spooled:
                await self._engine.handle(run_id, machine.Renewed(epoch))
            elif incarnation < hello.incarnation:
                await self._engine.handle(run_id, machine.Lost("agent_restart"))
            elif block not in offered:
                offered.add(block or run_id)
                await self._engine.reoffer(run_id)  # the offer may have been lost on the way

    async def _read(self, session: LiveSession, context: Context, writer: asyncio.Task[None]) -> None:
        patience_s = HEARTBEAT_S * MISSED_MAX
        while not session.closed and not writer.done():
            try:
                message = await asyncio.wait_for(context.read(), patience_s)
            except asyncio.TimeoutError:
                return
            except DecodeError:  # its frame was whole: the next one may be sound
                session.readings.refuse("a message that is none of this protocol")
                continue
            if message is EOF:
                return
            kind = message.WhichOneof("message")
            if kind == "heartbeat":
                await self._heartbeat(session, message.heartbeat)
            elif kind == "progress":
                await self._progress(session, message.progress)
            elif kind == "telemetry":
                session.readings.fold(message.telemetry, self._engine.clock.monotonic_s())
            elif kind == "bye":
                return

    async def _heartbeat(self, session: LiveSession, beat: agent_pb2.Heartbeat) -> None:
        session.readings.snapshot(beat.gauges)
        for ref in beat.active:
            if await self._mine(session.device, ref):
                await self._engine.handle(ref.run_id, machine.Renewed(ref.epoch))
        ack = agent_pb2.Ack(heartbeat_seq=beat.seq)
        session.send(agent_pb2.SessionResponse(ack=ack))

    async def _progress(self, session: LiveSession, progress: agent_pb2.Progress) -> None:
        ref = progress.attempt
        if not await self._mine(session.device, ref):
            return
        session.progressed(ref.run_id, progress.phase, progress.fraction)
        phase = _PHASES.get(progress.phase, "")
        event = machine.Stopped(ref.epoch) if phase == "stopped" else machine.Progressed(ref.epoch, phase)
        outcome = await self._engine.handle(ref.run_id, event)
        if outcome is not None:
            self._engine.hub.changed(outcome.campaign_id, ref.run_id)

    async def _mine(self, device: str, ref: agent_pb2.AttemptRef) -> bool:
        return await self._engine.store.read(lambda c: rows.reporter(c, ref.run_id, ref.epoch)) == device

    async def ReportResult(
        self, request: agent_pb2.ReportResultRequest, context: Context
    ) -> agent_pb2.ReportResultResponse:
        """Checked, committed, then answered; the same report again is answered the same."""
        device, ref = peer(context).name, request.attempt
        parsed = _checked(request)
        if not await self._mine(device, ref):  # before its bytes are looked for: a stranger learns nothing of them
            raise RefusedError(
                f"{device}: run {ref.run_id} epoch {ref.epoch} is not an attempt of it", reason="NOT_YOURS"
            )
        if request.series_digest and self._blobs.size_of(request.series_digest) is None:
            raise DocumentError(f"series {request.series_digest[:12]}: not here; upload it first", reason="NO_SERIES")
        failure = parsed.failure
        event = machine.Reported(
            epoch=ref.epoch,
            incarnation=request.incarnation,
            outcome=parsed.outcome,
            reason=failure.reason if failure else "",
            detail=failure.detail if failure else "",
            verdict=parsed.verdict,
        )
        disposition = await self._engine.report(
            rows.Report(
                run_id=ref.run_id,
                device=device,
                digest=request.result_digest,
                series_digest=request.series_digest,
                result_json=request.result_json,
                event=event,
            )
        )
        accepted = disposition == "accepted"
        return agent_pb2.ReportResultResponse(
            disposition=agent_pb2.DISPOSITION_ACCEPTED if accepted else agent_pb2.DISPOSITION_SUPERSEDED
        )

    async def UploadSeries(
        self, request_iterator: AsyncIterator[agent_pb2.UploadSeriesRequest], context: Context
    ) -> agent_pb2.UploadSeriesResponse:
        """Stages bytes; what is already whole is answered at once, a mismatch of offset says what is held."""
        stage = None
        try:
            async for part in request_iterator:
                if stage is None:
                    size_bytes = self._blobs.size_of(part.digest)
                    if size_bytes is not None:
                        return agent_pb2.UploadSeriesResponse(committed_bytes=size_bytes)
                    stage = self._blobs.begin(part.digest, part.size_bytes)
                    if not part.data:
                        return agent_pb2.UploadSeriesResponse(committed_bytes=stage.held_bytes)
                await asyncio.to_thread(stage.append, part.offset, part.data)
            if stage is None:
                raise DocumentError("series: an upload begins with digest and size")
            await asyncio.to_thread(stage.commit)
            return agent_pb2.UploadSeriesResponse(committed_bytes=stage.size_bytes)
        finally:
            if stage is not None:
                stage.close()

    async def FetchArtifact(
        self, request: agent_pb2.FetchArtifactRequest, context: Context
    ) -> AsyncIterator[agent_pb2.FetchArtifactResponse]:
        """Bytes of an artifact that one of the agent's live attempts needs, from an offset on."""
        device = peer(context).name
        if request.digest not in await self._engine.store.read(lambda c: _needed(c, device)):
            raise RefusedError(f"{device}: no attempt of it needs artifact {request.digest[:12]}", reason="NOT_YOURS")
        async with self._fetches:
            file, size_bytes = self._blobs.open(request.digest, request.offset)
            offset = request.offset
            with file:
                while chunk := await asyncio.to_thread(file.read, wire.CHUNK_BYTES):
                    yield agent_pb2.FetchArtifactResponse(offset=offset, size_bytes=size_bytes, data=chunk)
                    offset += len(chunk)


async def _drain(session: LiveSession, context: Context) -> None:
    """The only writer of a stream."""
    while (message := await session.outbound.get()) is not None:
        await asyncio.wait_for(context.write(message), WRITE_TIMEOUT_S)


def _checked(request: agent_pb2.ReportResultRequest) -> Result:
    """The result in a report; DocumentError for one that is too large, altered, or not of the schema."""
    payload = request.result_json
    if len(payload) > wire.MESSAGE_BYTES_MAX:
        raise DocumentError(f"result: larger than {wire.MESSAGE_BYTES_MAX} bytes")
    if hashlib.sha256(payload).hexdigest() != request.result_digest:
        raise DocumentError("result: its digest does not match its bytes; send it again", reason="DIGEST_MISMATCH")
    parsed = results.loads(payload)
    if len(parsed.metrics) > METRICS_MAX:
        raise DocumentError(f"result: more than {METRICS_MAX} metrics")
    return parsed


def _seen(connection: Connection, device: str, hello: agent_pb2.Hello, now_utc_s: float) -> None:
    """Stores the device's facts; RefusedError for an incarnation that is over."""
    row = connection.execute(select(t.device).where(t.device.c.name == device)).one_or_none()
    inventory = wire.inventory_from_wire(hello.inventory)
    if row is not None and row.incarnation > hello.incarnation:
        raise RefusedError(
            f"{device}: incarnation {hello.incarnation} is older than {row.incarnation}; another agent is it",
            reason="OLD_INCARNATION",
        )
    if row is not None and row.incarnation == hello.incarnation and row.instance_id not in ("", hello.instance_id):
        raise RefusedError(
            f"{device}: two agents have this identity (same incarnation); join one of them anew", reason="CLONED"
        )
    values = {
        "incarnation": hello.incarnation,
        "instance_id": hello.instance_id,
        "inventory_json": json.dumps(inventory.to_json()),
        "seen_utc_s": now_utc_s,
    }
    if row is None:
        connection.execute(insert(t.device).values(name=device, enrolled_utc_s=now_utc_s, **values))
    else:
        connection.execute(update(t.device).where(t.device.c.name == device).values(**values))


def _held(connection: Connection, device: str) -> list[tuple[str, int, int, str]]:
    query = select(t.attempt.c.run, t.attempt.c.epoch, t.attempt.c.incarnation, t.attempt.c.block).where(
        t.attempt.c.device == device, t.attempt.c.holds_device
    )
    return [(run, epoch, incarnation, block) for run, epoch, incarnation, block in connection.execute(query)]


def _needed(connection: Connection, device: str) -> set[str]:
    """Digests that the live attempts of a device may fetch."""
    query = (
        select(t.run.c.spec)
        .join(t.attempt, t.attempt.c.run == t.run.c.id)
        .where(t.attempt.c.device == device, t.attempt.c.holds_device)
    )
    digests = set()
    for payload in connection.execute(query).scalars():
        spec = run_pb2.RunSpec.FromString(payload)
        digests |= {spec.model.artifact.digest, spec.baseline.artifact.digest, spec.dataset.digest}
    return digests - {""}
