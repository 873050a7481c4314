"""A controller over real gRPC and mutual TLS that behaves as badly as a test asks; no store, no scheduler behind it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import grpc
from cryptography import x509

from benchfleet.agent import certificates, identity
from benchfleet.controller.pki import Authority
from benchfleet.core import wire
from benchfleet.core.errors import BenchfleetError
from benchfleet.core.status import code_of, trailing_metadata
from benchfleet.v1 import agent_pb2 as pb
from benchfleet.v1 import enrollment_pb2 as enrollment
from benchfleet.v1.agent_pb2_grpc import AgentServiceServicer, add_AgentServiceServicer_to_server
from benchfleet.v1.enrollment_pb2_grpc import RenewalServiceServicer, add_RenewalServiceServicer_to_server

WAIT_S = 20.0
EOF: Any = grpc.aio.EOF  # type: ignore[attr-defined]


class Session:
    """One stream as the controller sees it."""

    def __init__(self, context: Any, serial: int) -> None:
        self.context, self.serial = context, serial
        self.received: list[pb.SessionRequest] = []

    async def read(self) -> pb.SessionRequest | None:
        """The next message; None at the end of the stream."""
        message = await self.context.read()
        if message is EOF:
            return None
        self.received.append(message)
        return message

    async def welcome(self, *, beat_ms: int = 50, version: int = wire.PROTOCOL_VERSION) -> None:
        """Reads hello and answers it."""
        await self.read()
        welcome = pb.Welcome(protocol_version=version, heartbeat_interval_ms=beat_ms, lease_ttl_ms=30_000)
        await self.context.write(pb.SessionResponse(welcome=welcome))

    async def ack(self, seq: int) -> None:
        """Answers a heartbeat."""
        await self.context.write(pb.SessionResponse(ack=pb.Ack(heartbeat_seq=seq)))

    async def go_away(self, reason: str, *, retry_after_ms: int = 0, final: bool = False) -> None:
        """Sends the agent away."""
        away = pb.GoAway(reason=reason, detail="the test says so", retry_after_ms=retry_after_ms, final=final)
        await self.context.write(pb.SessionResponse(go_away=away))

    def kinds(self) -> list[str | None]:
        """What was received, by kind."""
        return [message.WhichOneof("message") for message in self.received]


Behaviour = Callable[[Session], Awaitable[None]]


async def serve(session: Session) -> None:
    """A good controller: a welcome, and an answer to each heartbeat until Bye."""
    await session.welcome()
    while (message := await session.read()) is not None and message.WhichOneof("message") != "bye":
        if message.HasField("heartbeat"):
            await session.ack(message.heartbeat.seq)


async def hang(session: Session) -> None:
    """Takes the stream and never says anything."""
    await asyncio.Event().wait()


def refuse(error: BenchfleetError) -> Behaviour:
    """Ends each session with an error, as a real servicer does."""

    async def behave(session: Session) -> None:
        code = getattr(grpc.StatusCode, code_of(error))
        await session.context.abort(code, str(error), trailing_metadata(error))

    return behave


def cut_after(messages: int) -> Behaviour:
    """A welcome, then the stream ends after so many messages, without a word."""

    async def behave(session: Session) -> None:
        await session.welcome()
        while len(session.received) < messages and await session.read() is not None:
            pass

    return behave


class FakeController(AgentServiceServicer, RenewalServiceServicer):
    """Session N behaves as behaviours[N] says, those after the last like the last."""

    def __init__(self, *behaviours: Behaviour) -> None:
        self.behaviours = behaviours or (serve,)
        self.sessions: list[Session] = []
        self.authority = Authority.create()
        self.blobs: dict[str, bytes] = {}
        self.offsets: list[int] = []
        self.cuts: list[int] = []
        self.refusals: list[BenchfleetError] = []
        self.reports: list[pb.ReportResultRequest] = []
        self.renewed: list[int] = []

    async def __aenter__(self) -> FakeController:
        issued = self.authority.issue_server()
        tls = grpc.ssl_server_credentials(
            [(issued.key_pem, issued.certificate_pem)], self.authority.ca_pem, require_client_auth=True
        )
        self._server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
        add_AgentServiceServicer_to_server(self, self._server)
        add_RenewalServiceServicer_to_server(self, self._server)
        self.port = self._server.add_secure_port("127.0.0.1:0", tls)
        await self._server.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._server.stop(0)

    async def crash(self) -> None:
        """Ends every stream and call at once, without a word."""
        await self._server.stop(None)

    def enroll(self, state: Path, device: str = "one") -> identity.Identity:
        """An identity of this fleet in a state folder."""
        key_pem, request = certificates.key_and_request(device)
        made = identity.Identity(
            device=device,
            controller=f"127.0.0.1:{self.port}",
            ca_pem=self.authority.ca_pem.decode(),
            certificate_pem=self.authority.issue_agent(request, device).certificate_pem.decode(),
            key_pem=key_pem,
        )
        identity.save(state, made)
        return made

    async def Session(self, request_iterator: object, context: Any) -> None:  # noqa: N802
        """As the next behaviour says."""
        behaviour = self.behaviours[min(len(self.sessions), len(self.behaviours) - 1)]
        (pem,) = context.auth_context()["x509_pem_cert"]
        session = Session(context, x509.load_pem_x509_certificate(pem).serial_number)
        self.sessions.append(session)
        await behaviour(session)

    async def ReportResult(self, request: pb.ReportResultRequest, context: Any) -> pb.ReportResultResponse:  # noqa: N802
        """Refused with the next of `refusals`, accepted when there are no more."""
        self.reports.append(request)
        if self.refusals:
            error = self.refusals.pop(0)
            await context.abort(getattr(grpc.StatusCode, code_of(error)), str(error), trailing_metadata(error))
        return pb.ReportResultResponse(disposition=pb.DISPOSITION_ACCEPTED)

    async def FetchArtifact(  # noqa: N802
        self, request: pb.FetchArtifactRequest, context: Any
    ) -> AsyncIterator[pb.FetchArtifactResponse]:
        """Bytes from the offset on; each of `cuts` ends one fetch after so many of them."""
        self.offsets.append(request.offset)
        data = self.blobs.get(request.digest, b"")[request.offset :]
        cut = self.cuts.pop(0) if self.cuts else None
        if data[:cut]:
            yield pb.FetchArtifactResponse(offset=request.offset, data=data[:cut])
        if cut is not None:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "cut")

    async def Renew(self, request: enrollment.RenewRequest, context: Any) -> enrollment.RenewResponse:  # noqa: N802
        """The next certificate."""
        issued = self.authority.issue_agent(request.csr_pem, "one")
        self.renewed.append(issued.serial)
        return enrollment.RenewResponse(certificate_pem=issued.certificate_pem, ca_pem=self.authority.ca_pem)


async def until(condition: Callable[[], object]) -> None:
    """Waits for a condition, at most WAIT_S."""

    async def poll() -> None:
        while not condition():  # noqa: ASYNC110 - any condition, also one without an event
            await asyncio.sleep(0.005)

    await asyncio.wait_for(poll(), WAIT_S)
