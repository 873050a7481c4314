"""Joining: find the fleet's CA by the pin in the token, and only then send the secret."""

from __future__ import annotations

import hashlib
import socket
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchfleet.agent import certificates, identity
from benchfleet.core.errors import BenchfleetError, DocumentError, RefusedError, UnreachableError
from benchfleet.core.status import error_of

CONNECT_S = 10.0
_DER = 2  # _ssl.ENCODING_DER


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """The parts of a join token."""

    pin: str
    enroll_port: int
    secret: str


def parse_token(text: str) -> Token:
    """DocumentError for what is not a token."""
    parts = text.strip().split(".")
    if len(parts) != 4 or parts[0] != "bf1" or len(parts[1]) != 64 or not parts[2].isdigit() or not parts[3]:
        raise DocumentError("join: that is not a join token; copy it whole from `benchfleet token create`")
    return Token(pin=parts[1], enroll_port=int(parts[2]), secret=parts[3])


def join(token_text: str, controller: str, state: Path, enroll: str | None = None) -> identity.Identity:
    """Gets an identity and saves it; one-line errors for a wrong CA, a bad token and a controller that is not there."""
    import grpc

    from benchfleet.v1 import enrollment_pb2, enrollment_pb2_grpc

    token = parse_token(token_text)
    # The token works once: whatever would keep its identity from being kept is found before it is sent.
    refuse_second(state)
    identity.check_room(state)
    host, port = split_address(controller)
    enroll_host, enroll_port = split_address(enroll) if enroll else (host, token.enroll_port)
    assert enroll_port is not None
    ca_pem = pinned_ca(enroll_host, enroll_port, token.pin)
    if port is not None:
        check_fleet_port(host, port, ca_pem)
    key_pem, request = certificates.key_and_request("device")
    credentials = grpc.ssl_channel_credentials(ca_pem.encode())
    target = f"{enroll_host}:{enroll_port}"
    with grpc.secure_channel(target, credentials, options=list(identity.CHANNEL_OPTIONS)) as channel:
        try:
            answer = enrollment_pb2_grpc.EnrollmentServiceStub(channel).Enroll(
                enrollment_pb2.EnrollRequest(token=token.secret, csr_pem=request), timeout=CONNECT_S
            )
        except grpc.RpcError as error:
            if not isinstance(error, grpc.Call):
                raise
            raise error_of(error.code().name, error.details(), error.trailing_metadata(), peer=target) from error
    made = identity.Identity(
        device=answer.device,
        controller=f"{host}:{port or answer.fleet_port}",
        ca_pem=ca_pem,
        certificate_pem=answer.certificate_pem.decode(),
        key_pem=key_pem,
    )
    identity.save(state, made)
    return made


def refuse_second(state: Path) -> None:
    """RefusedError when the folder holds an identity that still works; an expired or damaged one may be replaced."""
    try:
        held = identity.load(state)
        certificates.check(held.certificate_pem)
    except (BenchfleetError, ValueError):
        return
    raise RefusedError(
        f"join: {state} holds the identity of {held.device}; choose another --state, "
        f"or remove {state / identity.FILE} to join anew"
    )


def split_address(text: str) -> tuple[str, int | None]:
    """HOST[:PORT], [v6]:PORT; DocumentError otherwise."""
    host, colon, port = text.rpartition(":")
    if not colon or (host.count(":") and not host.startswith("[")):
        return text, None
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise DocumentError(f"address {text!r}: expected HOST:PORT")
    return host, int(port)


def pinned_ca(host: str, port: int, pin: str) -> str:
    """The certificate in the server's chain whose sha256 is the pin, as PEM; nothing secret has been sent by then."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # verified by the pin, below
    context.set_alpn_protocols(["h2"])
    try:
        with (
            socket.create_connection((host.strip("[]"), port), timeout=CONNECT_S) as plain,
            context.wrap_socket(plain, server_hostname=identity.SERVER_NAME) as secured,
        ):
            chain = _chain(secured)
    except (OSError, ssl.SSLError) as error:
        raise UnreachableError(
            f"join: {host}:{port} does not answer ({error}); "
            "is `benchfleet serve` running there, with this enrolment port?"
        ) from error
    for der in chain:
        if hashlib.sha256(der).hexdigest() == pin:
            return ssl.DER_cert_to_PEM_cert(der)
    raise RefusedError(f"join: {host}:{port} is not the fleet that made this token (its CA has another digest)")


def check_fleet_port(host: str, port: int, ca_pem: str) -> None:
    """Before a token is used up: one-line errors when this fleet does not listen there for devices that have joined.

    The fleet port ends the connection of who shows no certificate; the enrolment port, of the same CA, begins to talk.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=ca_pem)
    context.set_alpn_protocols(["h2"])
    where = f"join: {host}:{port}"
    try:
        with (
            socket.create_connection((host.strip("[]"), port), timeout=CONNECT_S) as plain,
            context.wrap_socket(plain, server_hostname=identity.SERVER_NAME) as secured,
        ):
            talks = _talks(secured)
    except ssl.SSLCertVerificationError as error:
        raise RefusedError(f"{where} is not of the fleet that made this token; the token was not used") from error
    except OSError as error:
        raise UnreachableError(
            f"{where} is no fleet port of a controller ({error}); `benchfleet serve` says which it is; "
            "the token was not used"
        ) from error
    if talks:
        raise RefusedError(
            f"{where} is the enrolment port; --controller is the fleet port that `benchfleet serve` says, "
            "and the token was not used"
        )


def _talks(secured: ssl.SSLSocket) -> bool:
    """Whether a peer has something to say to a client without a certificate."""
    try:
        return bool(secured.recv(1))
    except TimeoutError:
        raise
    except OSError:
        return False


def _chain(secured: ssl.SSLSocket) -> list[bytes]:
    """The chain as sent: public from Python 3.13, and under `_sslobj` since 3.10."""
    public = getattr(secured, "get_unverified_chain", None)
    if public is not None:
        return [bytes(der) for der in public()]
    inner: Any = secured._sslobj  # type: ignore[attr-defined]
    return [bytes(certificate.public_bytes(_DER)) for certificate in inner.get_unverified_chain()]
