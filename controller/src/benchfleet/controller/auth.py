"""Who calls, and whether that role may call this method: one table, and everything else is denied.

Identity is the URI SAN of the client certificate, never a field of a message. An open stream outlives its certificate
in gRPC, so streams are watched: they end at notAfter, and at once when their serial is denied.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import grpc
from cryptography import x509
from grpc.aio import ServicerContext

from benchfleet.controller.aborts import abort
from benchfleet.core.clock import Clock, SystemClock
from benchfleet.core.errors import BenchfleetError, RefusedError

AGENT, VIEWER, OPERATOR, ADMIN = "agent", "viewer", "operator", "admin"
USER_ROLES = (VIEWER, OPERATOR, ADMIN)
ROLES = (AGENT, *USER_ROLES)

_AGENTS = frozenset({AGENT})
_READ = frozenset(USER_ROLES)
_WORK = frozenset({OPERATOR, ADMIN})
_ADMIN = frozenset({ADMIN})
_ANYONE = frozenset(ROLES)

_TABLE: dict[str, dict[str, frozenset[str]]] = {
    "benchfleet.v1.AgentService": {
        "Session": _AGENTS,
        "ReportResult": _AGENTS,
        "UploadSeries": _AGENTS,
        "FetchArtifact": _AGENTS,
    },
    "benchfleet.v1.RenewalService": {"Renew": _AGENTS},
    "benchfleet.v1.FleetService": {
        "CreateJoinToken": _ADMIN,
        "ListDevices": _READ,
        "GetDevice": _READ,
        "SetDeviceAdmission": _WORK,
        "RevokeDevice": _ADMIN,
        "ListAuditEntries": _WORK,
    },
    "benchfleet.v1.ArtifactService": {
        "Upload": _WORK,
        "GetUpload": _WORK,
        "Download": _READ,
        "RegisterModel": _WORK,
        "ListModels": _READ,
        "RegisterDataset": _WORK,
        "ListDatasets": _READ,
    },
    "benchfleet.v1.CampaignService": {
        "PlanCampaign": _READ,
        "CreateCampaign": _WORK,
        "ListCampaigns": _READ,
        "GetCampaign": _READ,
        "WatchCampaign": _READ,
        "CancelCampaign": _WORK,
        "ReplayRun": _WORK,
    },
    "benchfleet.v1.ResultService": {"ListResults": _READ, "GetResult": _READ, "ListHistory": _READ},
    # Served on the enrolment port, which has no roles: nobody may call it here.
    "benchfleet.v1.EnrollmentService": {"Enroll": frozenset()},
    "grpc.health.v1.Health": {"Check": _ANYONE, "Watch": _ANYONE, "List": _ANYONE},
    "grpc.reflection.v1alpha.ServerReflection": {"ServerReflectionInfo": _ANYONE},
}

ALLOWED: dict[str, frozenset[str]] = {
    f"/{service}/{method}": roles for service, methods in _TABLE.items() for method, roles in methods.items()
}
"""Roles by full method name; a method that is not here is denied to everybody."""

RECHECK_S = 60.0
"""How often the watch of a stream looks at the wall clock again: it may be stepped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """Who is at the other end; `role` of an agent is "agent"."""

    kind: Literal["agent", "user"]
    name: str
    role: str
    serial: int
    not_after: datetime
    uri: str


def peer(context: ServicerContext[Any, Any]) -> Peer:
    """The identity in the client certificate of a call; RefusedError when there is none of this fleet's form."""
    chain = list((context.auth_context() or {}).get("x509_pem_cert", ()))
    if not chain:
        raise RefusedError("no client certificate: join with a token, or use a credentials file", reason="NO_IDENTITY")
    return _identity(bytes(chain[0]))


@functools.lru_cache(maxsize=4096)
def _identity(pem: bytes) -> Peer:
    certificate = x509.load_pem_x509_certificate(pem)
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        uris = names.get_values_for_type(x509.UniformResourceIdentifier)
    except x509.ExtensionNotFound:
        uris = []
    stamps: dict[str, Any] = {"serial": certificate.serial_number, "not_after": certificate.not_valid_after_utc}
    if len(uris) == 1 and uris[0].startswith("benchfleet://"):
        match uris[0].removeprefix("benchfleet://").split("/"):
            case ["agent", name] if name:
                return Peer(kind="agent", name=name, role=AGENT, uri=uris[0], **stamps)
            case ["user", role, name] if name and role in USER_ROLES:
                return Peer(kind="user", name=name, role=role, uri=uris[0], **stamps)
    raise RefusedError("the client certificate names no agent and no user of this fleet", reason="NO_IDENTITY")


class DenyList:
    """Serials that are refused from now on, and the streams that must end when theirs is added. One event loop."""

    def __init__(self, serials: Iterable[int] = ()) -> None:
        self._serials = set(serials)
        self._watches: dict[int, set[asyncio.Future[None]]] = {}

    def __contains__(self, serial: int) -> bool:
        return serial in self._serials

    def deny(self, serial: int) -> None:
        """Refuses a serial and ends its open streams."""
        self._serials.add(serial)
        for future in self._watches.pop(serial, set()):
            if not future.done():
                future.set_result(None)

    def watch(self, serial: int) -> asyncio.Future[None]:
        """Done when the serial is denied; give it back with unwatch."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if serial in self._serials:
            future.set_result(None)
        else:
            self._watches.setdefault(serial, set()).add(future)
        return future

    def unwatch(self, serial: int, future: asyncio.Future[None]) -> None:
        """Ends a watch."""
        watches = self._watches.get(serial)
        if watches is not None:
            watches.discard(future)
            if not watches:
                del self._watches[serial]
        future.cancel()


class AuthInterceptor(grpc.aio.ServerInterceptor):  # type: ignore[type-arg]  # generic in the stubs alone
    """Checks every call on the fleet port before its handler sees anything of it."""

    def __init__(self, denied: DenyList, clock: Clock | None = None) -> None:
        self._denied = denied
        self._clock = clock or SystemClock()

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        """The handler with the check around it; an unknown method is denied like any other without a row."""
        handler = await continuation(handler_call_details)
        method = handler_call_details.method
        roles = ALLOWED.get(method, frozenset())
        if handler is None:
            return grpc.unary_unary_rpc_method_handler(self._unary(_unreachable, method, frozenset()))
        make = {
            (False, False): grpc.unary_unary_rpc_method_handler,
            (False, True): grpc.unary_stream_rpc_method_handler,
            (True, False): grpc.stream_unary_rpc_method_handler,
            (True, True): grpc.stream_stream_rpc_method_handler,
        }[(handler.request_streaming, handler.response_streaming)]
        behaviour = handler.unary_unary or handler.unary_stream or handler.stream_unary or handler.stream_stream
        streams = handler.request_streaming or handler.response_streaming
        wrap = self._stream if streams else self._unary
        return make(
            wrap(behaviour, method, roles),
            request_deserializer=handler.request_deserializer,
            response_serializer=handler.response_serializer,
        )

    def _unary(self, behaviour: Callable[..., Any], method: str, roles: frozenset[str]) -> Callable[..., Any]:
        async def checked(request: Any, context: ServicerContext[Any, Any]) -> Any:
            await self._admit(context, method, roles)
            return await _answer(behaviour, request, context)

        return checked

    def _stream(self, behaviour: Callable[..., Any], method: str, roles: frozenset[str]) -> Callable[..., Any]:
        async def checked(request: Any, context: ServicerContext[Any, Any]) -> Any:
            caller = await self._admit(context, method, roles)
            body = asyncio.ensure_future(_answer(behaviour, request, context))
            denied = self._denied.watch(caller.serial)
            try:
                reason = await self._watch(body, denied, caller)
            finally:
                self._denied.unwatch(caller.serial, denied)
                if not body.done():
                    body.cancel()
                    await asyncio.wait([body])
            if reason is not None:
                await abort(context, RefusedError(f"{caller.uri}: {reason}", reason="CERTIFICATE_ENDED"))
            return body.result()

        return checked

    async def _watch(self, body: asyncio.Future[Any], denied: asyncio.Future[None], caller: Peer) -> str | None:
        """Why a stream must end although its handler has not; None when the handler ended."""
        while True:
            left_s = (caller.not_after - self._clock.utc()).total_seconds()
            if left_s <= 0:
                return "the certificate has expired; renew it and connect again"
            await asyncio.wait([body, denied], timeout=min(left_s, RECHECK_S), return_when=asyncio.FIRST_COMPLETED)
            if body.done():
                return None
            if denied.done():
                return "the certificate was revoked"

    async def _admit(self, context: ServicerContext[Any, Any], method: str, roles: frozenset[str]) -> Peer:
        try:
            caller = peer(context)
        except RefusedError as error:
            await abort(context, error)
        refusal = self._refusal(caller, method, roles)
        if refusal is not None:
            await abort(context, refusal)
        return caller

    def _refusal(self, caller: Peer, method: str, roles: frozenset[str]) -> RefusedError | None:
        if caller.serial in self._denied:
            return RefusedError(f"{caller.uri}: the certificate was revoked", reason="CERTIFICATE_REVOKED")
        if self._clock.utc() >= caller.not_after:
            return RefusedError(f"{caller.uri}: the certificate has expired", reason="CERTIFICATE_EXPIRED")
        if caller.role not in roles:
            need = " or ".join(role for role in ROLES if role in roles)
            what = f"needs role {need}" if need else "is served to nobody here"
            who = f"{caller.uri} is {caller.role}"
            return RefusedError(f"{method.removeprefix('/')} {what}; {who}", reason="ROLE_DENIED")
        return None


async def _answer(behaviour: Callable[..., Any], request: Any, context: ServicerContext[Any, Any]) -> Any:
    """Runs a handler of any of the forms that grpc.aio takes, and aborts with the status of an error of ours."""
    try:
        if inspect.isasyncgenfunction(behaviour):
            async for response in behaviour(request, context):
                await context.write(response)
            return None
        answer = behaviour(request, context)
        if inspect.isasyncgen(answer):
            async for response in answer:
                await context.write(response)
            return None
        return await answer if inspect.isawaitable(answer) else answer
    except BenchfleetError as error:
        await abort(context, error)


async def _unreachable(request: Any, context: ServicerContext[Any, Any]) -> Any:
    raise RefusedError("unknown method")
