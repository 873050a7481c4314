"""A whole controller on one event loop: opens the state, binds the ports, serves, and stops in order.

controller = Controller(Settings(state=folder, grpc="127.0.0.1:0"))
await controller.start()
...
await controller.stop()
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from benchfleet.controller import server
from benchfleet.controller.auth import AuthInterceptor, DenyList
from benchfleet.controller.blobs import BlobStore
from benchfleet.controller.campaigns.engine import Engine
from benchfleet.controller.client.credentials import ADMIN_FILE, Credentials, check_address, write_credentials
from benchfleet.controller.enrollment.admin import admin_credentials
from benchfleet.controller.enrollment.identities import Identities
from benchfleet.controller.events import Hub
from benchfleet.controller.fleet.sessions import Sessions
from benchfleet.controller.http.pages import Pages
from benchfleet.controller.pki import Authority
from benchfleet.controller.servicers import register
from benchfleet.controller.servicers.enrollment import EnrollmentServicer
from benchfleet.controller.store import Store
from benchfleet.core.clock import Clock, SystemClock
from benchfleet.core.errors import DocumentError, StateError
from benchfleet.v1.enrollment_pb2_grpc import add_EnrollmentServiceServicer_to_server

DEFAULT_GRPC = "127.0.0.1:7443"
DEFAULT_HTTP = "127.0.0.1:7480"
ANY_HOSTS = ("0.0.0.0", "[::]")  # noqa: S104,RUF100  # recognised, not bound by us
COLLECT_S = 3600.0
"""How often abandoned uploads are looked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What `benchfleet serve` is told; `advertise` are further names for the server certificate."""

    state: Path
    grpc: str = DEFAULT_GRPC
    enroll: str | None = None
    http: str = DEFAULT_HTTP
    advertise: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Where a started controller really listens."""

    grpc: str
    enroll: str
    http: str


class Controller:
    """Start it once, stop it once."""

    def __init__(self, settings: Settings, clock: Clock | None = None) -> None:
        self._settings = settings
        self.clock = clock or SystemClock()
        self._stack = contextlib.AsyncExitStack()
        self.addresses = Addresses(grpc="", enroll="", http="")

    async def start(self) -> None:
        """Serves when it returns; leaves nothing open when it raises."""
        try:
            await self._start()
        except BaseException:
            await self._stack.aclose()
            raise

    async def stop(self) -> None:
        """Ends streams with a grace period, finishes what was handed to the store, lets go of the folder."""
        await self._stack.aclose()

    async def _start(self) -> None:
        settings, clock = self._settings, self.clock
        for address in (settings.grpc, settings.enroll, settings.http):
            if address is not None:
                check_address(address)
        if not settings.state.exists():  # one that is used by another controller says that first
            enroll = self._enroll_address() if settings.enroll or _port(settings.grpc) else settings.grpc
            for address in {settings.grpc, enroll, settings.http}:
                server.check_free(address)
        self.store = await asyncio.to_thread(Store, settings.state)
        self._stack.push_async_callback(asyncio.to_thread, self.store.close)
        self.authority = Authority.open(settings.state, clock)
        self.blobs = await asyncio.to_thread(BlobStore, settings.state / "blobs")
        self.identities = Identities(self.store, self.authority, clock, DenyList())
        await self.identities.load()
        self.sessions, self.hub = Sessions(), Hub()
        self.engine = Engine(self.store, self.sessions, self.hub, clock)
        self.identity = server.ServerIdentity(self.authority, self._names(), clock)

        fleet_port = await self._serve_fleet()
        enroll_port = await self._serve_enroll(fleet_port)
        grpc_host, enroll_host = _host(settings.grpc), _host(self._enroll_address())
        pages = Pages(self.store, self.sessions, f"{grpc_host}:{fleet_port}", clock)
        http_port = await self._serve_http(pages.application())
        self.addresses = Addresses(
            grpc=f"{grpc_host}:{fleet_port}",
            enroll=f"{enroll_host}:{enroll_port}",
            http=f"{_host(settings.http)}:{http_port}",
        )
        await asyncio.to_thread(self._write_admin)
        for keeper in (server.keep_renewed(self.identity), self._keep_collecting()):
            task = asyncio.create_task(keeper)
            self._stack.push_async_callback(_cancelled, task)

    async def _serve_fleet(self) -> int:
        fleet = server.fleet_server(AuthInterceptor(self.identities.denied, self.clock))
        names = register.fleet_services(fleet, self)
        await server.add_health(fleet, names)
        port = server.bind(fleet, self._settings.grpc, self.identity.fleet_credentials())
        await self.engine.start()
        self._stack.push_async_callback(self.engine.stop)
        await fleet.start()
        self._stack.push_async_callback(fleet.stop, server.STOP_GRACE_S)
        # Streams of agents never end by themselves: they are told to come back before the grace period begins.
        self._stack.push_async_callback(self._send_away)
        return port

    async def _serve_enroll(self, fleet_port: int) -> int:
        enroll = server.enroll_server()
        servicer = EnrollmentServicer(self.identities)
        servicer.fleet_port = fleet_port
        add_EnrollmentServiceServicer_to_server(servicer, enroll)
        await server.add_health(enroll, ["benchfleet.v1.EnrollmentService"])
        address = self._enroll_address()
        if self._settings.enroll is None and not _port(self._settings.grpc):
            address = f"{_host(self._settings.grpc)}:0"
        port = server.bind(enroll, address, self.identity.enroll_credentials())
        self.identities.enroll_port = port
        await enroll.start()
        self._stack.push_async_callback(enroll.stop, server.STOP_GRACE_S)
        return port

    async def _serve_http(self, application: web.Application) -> int:
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=server.STOP_GRACE_S)
        await runner.setup()
        self._stack.push_async_callback(runner.cleanup)
        address = self._settings.http
        site = web.TCPSite(runner, _host(address).strip("[]"), _port(address))
        try:
            await site.start()
        except OSError as error:
            refusal = f"cannot listen on {address}: it is in use, or no address of this host"
            raise StateError(refusal, reason="BIND") from error
        return int(runner.addresses[0][1])

    async def _send_away(self) -> None:
        for device in self.sessions.online():
            self.sessions.end(device, "the controller is stopping", final=False)

    async def _keep_collecting(self) -> None:
        while True:
            await asyncio.sleep(COLLECT_S)
            await asyncio.to_thread(self.blobs.collect)

    def _write_admin(self) -> None:
        host, port = self.addresses.grpc.rsplit(":", 1)
        address = f"127.0.0.1:{port}" if host in ANY_HOSTS else self.addresses.grpc
        path = self._settings.state / ADMIN_FILE
        credentials: Credentials = admin_credentials(path, self.authority, address, self.clock)
        write_credentials(path, credentials)

    def _enroll_address(self) -> str:
        if self._settings.enroll is not None:
            return self._settings.enroll
        port = _port(self._settings.grpc)
        if port >= 65535:
            raise DocumentError(f"--grpc {self._settings.grpc}: no port follows it for enrolment; name one by --enroll")
        return f"{_host(self._settings.grpc)}:{port + 1}"

    def _names(self) -> tuple[str, ...]:
        hosts = (_host(self._settings.grpc), _host(self._enroll_address()))
        return tuple(h.strip("[]") for h in hosts if h not in ANY_HOSTS) + self._settings.advertise


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


def _host(address: str) -> str:
    return address.rpartition(":")[0]


def _port(address: str) -> int:
    return int(address.rpartition(":")[2])
