"""The two gRPC servers: the fleet port behind mutual TLS, and the enrolment port for devices without identity.

Each option below answers a failure that was seen; tests/integration/test_traps.py shows what happens without it.
"""

from __future__ import annotations

import asyncio
import resource
import socket
import threading
from collections.abc import Iterable
from datetime import timedelta
from typing import NoReturn

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from benchfleet.controller.auth import AuthInterceptor
from benchfleet.controller.pki import SERVER_LIFETIME, Authority, Issued
from benchfleet.core.clock import Clock
from benchfleet.core.errors import StateError

MESSAGE_RECEIVE_BYTES_MAX = 4 * 1024 * 1024
ENROLL_RECEIVE_BYTES_MAX = 64 * 1024
"""A token and a certificate request; whoever sends more has no business there."""

OPEN_FILES_MAX = 65_536
"""Two and a half for each of the agents that one process can serve."""

STOP_GRACE_S = 5.0

FLEET_OPTIONS: dict[str, int] = {
    # With the default, streams beyond about a thousand at once are refused: a fleet that reconnects loses agents.
    "grpc.max_concurrent_streams": 20_000,
    "grpc.server.max_pending_requests": 20_000,
    "grpc.server.max_pending_requests_hard_limit": 30_000,
    # Two controllers on one port would share its agents by chance.
    "grpc.so_reuseport": 0,
    "grpc.keepalive_time_ms": 30_000,
    "grpc.keepalive_timeout_ms": 10_000,
    # keepalive_timeout alone does not notice a stopped process whose kernel still acknowledges.
    "grpc.http2.ping_timeout_ms": 10_000,
    # At most half the clients' keepalive, or their pings end the session: GOAWAY too_many_pings.
    "grpc.http2.min_ping_interval_without_data_ms": 10_000,
    "grpc.http2.min_recv_ping_interval_without_data_ms": 10_000,
    "grpc.max_receive_message_length": MESSAGE_RECEIVE_BYTES_MAX,
}
ENROLL_OPTIONS: dict[str, int] = {**FLEET_OPTIONS, "grpc.max_receive_message_length": ENROLL_RECEIVE_BYTES_MAX}


class ServerIdentity:
    """The controller's certificate, renewed at half its life; new handshakes get the new one, open streams go on.

    gRPC asks at every handshake, on a thread of its own: the answer is ready made, and None when nothing changed.
    """

    def __init__(self, authority: Authority, names: Iterable[str], clock: Clock) -> None:
        self._authority, self._names, self._clock = authority, tuple(names), clock
        self._lock = threading.Lock()
        self._issued = authority.issue_server(self._names)
        self._served: Issued | None = None

    @property
    def issued(self) -> Issued:
        """The certificate that new handshakes get."""
        return self._issued

    def rotate(self) -> None:
        """Makes a new certificate now."""
        issued = self._authority.issue_server(self._names)
        with self._lock:
            self._issued = issued

    def rotate_if_due(self) -> bool:
        """Makes a new certificate at half the life of the old one."""
        due = self._issued.not_after - self._clock.utc() < SERVER_LIFETIME / 2
        if due:
            self.rotate()
        return due

    def fleet_credentials(self) -> grpc.ServerCredentials:
        """Mutual TLS: a client certificate of the fleet's CA is required."""
        self._served = self._issued
        return grpc.dynamic_ssl_server_credentials(
            self._configuration(self._issued),
            self._fetch,  # type: ignore[arg-type]  # None means unchanged; the stubs leave that out
            require_client_authentication=True,
        )

    def enroll_credentials(self) -> grpc.ServerCredentials:
        """TLS of the server alone. Rotates like the other."""
        served: list[Issued] = [self._issued]

        def fetch() -> grpc.ServerCertificateConfiguration | None:
            with self._lock:
                if served[0] is self._issued:
                    return None
                served[0] = self._issued
                return self._configuration(served[0])

        return grpc.dynamic_ssl_server_credentials(
            self._configuration(served[0]),
            fetch,  # type: ignore[arg-type]  # as above
            require_client_authentication=False,
        )

    def _fetch(self) -> grpc.ServerCertificateConfiguration | None:
        with self._lock:
            if self._served is self._issued:
                return None
            self._served = self._issued
            return self._configuration(self._served)

    def _configuration(self, issued: Issued) -> grpc.ServerCertificateConfiguration:
        return grpc.ssl_server_certificate_configuration(
            [(issued.key_pem, issued.certificate_pem)], root_certificates=self._authority.ca_pem
        )


def fleet_server(interceptor: AuthInterceptor) -> grpc.aio.Server:
    """The server of the fleet port, without servicers yet."""
    return grpc.aio.server(interceptors=[interceptor], options=list(FLEET_OPTIONS.items()))


def enroll_server() -> grpc.aio.Server:
    """The server of the enrolment port, without servicers yet."""
    return grpc.aio.server(options=list(ENROLL_OPTIONS.items()))


async def add_health(server: grpc.aio.Server, services: Iterable[str]) -> None:
    """Standard health and reflection for the services named."""
    names = list(services)
    servicer = health.aio.HealthServicer()  # type: ignore[attr-defined]  # public, but not in the stubs
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    for name in ("", *names):
        await servicer.set(name, health_pb2.HealthCheckResponse.SERVING)
    reflection.enable_server_reflection((*names, "grpc.health.v1.Health", reflection.SERVICE_NAME), server)


def bind(server: grpc.aio.Server, address: str, credentials: grpc.ServerCredentials) -> int:
    """Binds a port; StateError in one line when it cannot be had."""
    refusal = _refusal(address)
    try:
        try_bind(address)
        port = server.add_secure_port(address, credentials)
    except (RuntimeError, OSError, UnicodeError) as error:
        raise refusal from error
    if port == 0:
        raise refusal
    return int(port)


def check_free(address: str) -> None:
    """StateError when a port cannot be had: asked before anything is made for a controller that could not serve."""
    try:
        try_bind(address)
    except (OSError, UnicodeError) as error:
        raise _refusal(address) from error


def _refusal(address: str) -> StateError:
    return StateError(f"cannot listen on {address}: it is in use, or no address of this host", reason="BIND")


def try_bind(address: str) -> None:
    """gRPC writes its own lines to stderr when it cannot bind; the user is to see ours alone."""
    host, _, port = address.rpartition(":")
    found = socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, kind, protocol, _, target = found[0]
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(target)


def raise_open_files() -> int:
    """Takes as many open files as this process may have, and says how many.

    After a cut the old and the new connection of each agent are open side by side, while shells give out 1024 files.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES_MAX if hard == resource.RLIM_INFINITY else min(hard, OPEN_FILES_MAX)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        return wanted
    return soft


async def keep_renewed(identity: ServerIdentity, *, every: timedelta = timedelta(minutes=10)) -> NoReturn:
    """Looks from time to time whether the server certificate is due."""
    while True:
        await asyncio.sleep(every.total_seconds())
        identity.rotate_if_due()
