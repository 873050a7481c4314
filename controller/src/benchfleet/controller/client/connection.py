"""A channel to the controller, and calls whose failures are errors of ours.

Any address may be dialled: what the certificate must say is "benchfleet-controller", signed by the fleet's own CA.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import grpc

from benchfleet.controller.client.credentials import Credentials
from benchfleet.core.errors import BenchfleetError, RefusedError
from benchfleet.core.status import error_of

SERVER_NAME = "benchfleet-controller"
CALL_TIMEOUT_S = 30.0
"""For unary calls: longer than the controller's wait for its data base, shorter than a person's patience."""

CHANNEL_OPTIONS: list[tuple[str, str | int]] = [
    ("grpc.ssl_target_name_override", SERVER_NAME),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    # keepalive alone does not notice a stopped process whose kernel still answers.
    ("grpc.http2.ping_timeout_ms", 10_000),
    ("grpc.initial_reconnect_backoff_ms", 1_000),
    ("grpc.max_reconnect_backoff_ms", 30_000),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """An open channel, and the address it leads to."""

    channel: grpc.Channel
    controller: str


@contextmanager
def connect(credentials: Credentials) -> Iterator[Session]:
    """An open channel; grpc errors raised in the block leave it as BenchfleetError."""
    with errors(credentials.controller), open_channel(credentials) as channel:
        yield Session(channel=channel, controller=credentials.controller)


def open_channel(credentials: Credentials) -> grpc.Channel:
    """A channel with the operator's certificate; connecting happens at the first call."""
    secrets = grpc.ssl_channel_credentials(
        root_certificates=credentials.ca_pem.encode(),
        private_key=credentials.key_pem.encode(),
        certificate_chain=credentials.certificate_pem.encode(),
    )
    return grpc.secure_channel(credentials.controller, secrets, options=CHANNEL_OPTIONS)


@contextmanager
def errors(controller: str) -> Iterator[None]:
    """Turns grpc.RpcError of the block into the error tree."""
    try:
        yield
    except grpc.RpcError as error:
        raise converted(error, controller) from error


def converted(error: grpc.RpcError, controller: str) -> BenchfleetError:
    """The error of ours that a failed call stands for."""
    if not isinstance(error, grpc.Call):
        return BenchfleetError(f"{controller}: {error}")
    said = error.details() or ""
    if "CERTIFICATE_VERIFY_FAILED" in said:
        return RefusedError(f"{controller}: serves another fleet than that of these credentials; check --controller")
    return error_of(error.code().name, said, error.trailing_metadata(), peer=controller)
