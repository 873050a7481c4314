"""Identity on the wire: who gets in, who does not, and how long a stream may live."""

from __future__ import annotations

import asyncio
import hashlib
import socket
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import aiohttp
import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from grpc_health.v1 import health_pb2, health_pb2_grpc

from benchfleet.controller.app import Controller, Settings
from benchfleet.controller.pki import SERVER_NAME, Authority
from benchfleet.core.clock import ManualClock, SystemClock
from benchfleet.core.errors import StateError
from benchfleet.v1 import agent_pb2, artifact_pb2, enrollment_pb2, fleet_pb2
from benchfleet.v1.agent_pb2_grpc import AgentServiceStub
from benchfleet.v1.artifact_pb2_grpc import ArtifactServiceStub
from benchfleet.v1.enrollment_pb2_grpc import EnrollmentServiceStub, RenewalServiceStub
from benchfleet.v1.fleet_pb2_grpc import FleetServiceStub

OPTIONS = [("grpc.ssl_target_name_override", SERVER_NAME)]
WAIT_S = 20.0
Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


def pem_of(key: Key) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def csr_of(key: Key) -> bytes:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "x")])
    request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    return request.public_bytes(serialization.Encoding.PEM)


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    key_pem: bytes
    certificate_pem: bytes


@pytest.fixture
async def controller(tmp_path: Path) -> AsyncIterator[Controller]:
    address = "127.0.0.1:0"
    made = Controller(Settings(state=tmp_path / "state", grpc=address, enroll=address, http=address))
    await made.start()
    yield made
    await made.stop()


def channel(controller: Controller, agent: Agent | None, ca_pem: bytes | None = None) -> grpc.aio.Channel:
    """A channel to the fleet port as `agent`, or with no certificate."""
    secrets = grpc.ssl_channel_credentials(
        ca_pem or controller.authority.ca_pem,
        agent.key_pem if agent else None,
        agent.certificate_pem if agent else None,
    )
    return grpc.aio.secure_channel(controller.addresses.grpc, secrets, options=OPTIONS)


def user(controller: Controller, role: str) -> Agent:
    issued = controller.authority.issue_user("someone", role)
    return Agent(key_pem=issued.key_pem, certificate_pem=issued.certificate_pem)


async def token_of(controller: Controller, device: str = "pi", ttl_s: float = 60.0) -> str:
    text, _ = await controller.identities.create_token(device, {}, ttl_s, actor="test")
    return text.split(".")[3]


async def enroll(controller: Controller, secret: str, csr: bytes) -> enrollment_pb2.EnrollResponse:
    secrets = grpc.ssl_channel_credentials(controller.authority.ca_pem)
    async with grpc.aio.secure_channel(controller.addresses.enroll, secrets, options=OPTIONS) as opened:
        request = enrollment_pb2.EnrollRequest(token=secret, csr_pem=csr)
        return await EnrollmentServiceStub(opened).Enroll(request, timeout=WAIT_S)


async def enrolled(controller: Controller, device: str = "pi") -> Agent:
    key = ec.generate_private_key(ec.SECP256R1())
    reply = await enroll(controller, await token_of(controller, device), csr_of(key))
    return Agent(key_pem=pem_of(key), certificate_pem=reply.certificate_pem)


async def check(opened: grpc.aio.Channel) -> int:
    async with opened:
        reply = await health_pb2_grpc.HealthStub(opened).Check(health_pb2.HealthCheckRequest(), timeout=WAIT_S)
        return int(reply.status)


async def code_of(call: object) -> grpc.StatusCode:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call  # type: ignore[misc]
    return caught.value.code()


async def watched(opened: grpc.aio.Channel) -> grpc.aio.UnaryStreamCall:
    """An open stream that has said something."""
    stream = health_pb2_grpc.HealthStub(opened).Watch(health_pb2.HealthCheckRequest())
    assert (await asyncio.wait_for(stream.read(), WAIT_S)).status == 1
    return stream


async def test_a_good_certificate_gets_in(controller: Controller) -> None:
    assert await check(channel(controller, await enrolled(controller))) == 1


async def test_no_certificate_does_not(controller: Controller) -> None:
    assert await code_of(check(channel(controller, None))) is grpc.StatusCode.UNAVAILABLE


def forged(kind: str, ours: Authority) -> Agent:
    """A certificate that must not get in."""
    key = ec.generate_private_key(ec.SECP256R1())
    now = SystemClock().utc()
    if kind == "foreign":
        issued = Authority.create().issue_agent(csr_of(key), "pi").certificate_pem
    elif kind == "server":
        server = ours.issue_server()
        return Agent(key_pem=server.key_pem, certificate_pem=server.certificate_pem)
    else:
        shift = timedelta(days=-3 if kind == "expired" else 3)
        moved = Authority(ours._key, ours._certificate, ManualClock(utc=now + shift))
        issued = moved.issue_agent(csr_of(key), "pi").certificate_pem
    return Agent(key_pem=pem_of(key), certificate_pem=issued)


@pytest.mark.parametrize("kind", ["foreign", "expired", "not_yet_valid", "server"])
async def test_a_bad_certificate_does_not(controller: Controller, kind: str) -> None:
    assert await code_of(check(channel(controller, forged(kind, controller.authority)))) is grpc.StatusCode.UNAVAILABLE


async def test_a_plaintext_client_does_not(controller: Controller) -> None:
    opened = grpc.aio.insecure_channel(controller.addresses.grpc)
    assert await code_of(check(opened)) is grpc.StatusCode.UNAVAILABLE


async def test_a_client_that_pins_another_ca_refuses_the_server(controller: Controller) -> None:
    agent = await enrolled(controller)
    opened = channel(controller, agent, Authority.create().ca_pem)
    assert await code_of(check(opened)) is grpc.StatusCode.UNAVAILABLE


async def test_the_enrolment_port_shows_the_pinned_ca_to_whoever_asks(controller: Controller) -> None:
    text, _ = await controller.identities.create_token("pi", {}, actor="test")
    _, pin, port, _ = text.split(".")
    assert controller.addresses.enroll.endswith(f":{port}")

    def chain() -> list[str]:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with socket.create_connection(("127.0.0.1", int(port))) as raw, context.wrap_socket(raw) as secure:
            found = secure._sslobj.get_unverified_chain()  # type: ignore[attr-defined]  # public from Python 3.13 on
            return [hashlib.sha256(ssl.PEM_cert_to_DER_cert(c.public_bytes())).hexdigest() for c in found]

    assert pin in await asyncio.to_thread(chain)


async def test_a_token_is_good_once(controller: Controller) -> None:
    secret, key = await token_of(controller), ec.generate_private_key(ec.SECP256R1())
    answers = await asyncio.gather(*(enroll(controller, secret, csr_of(key)) for _ in range(8)), return_exceptions=True)
    assert sum(isinstance(a, enrollment_pb2.EnrollResponse) for a in answers) == 1
    refused = [a for a in answers if isinstance(a, grpc.aio.AioRpcError)]
    assert {a.code() for a in refused} == {grpc.StatusCode.PERMISSION_DENIED}


async def test_a_token_that_is_unknown_or_expired_is_refused(controller: Controller) -> None:
    csr = csr_of(ec.generate_private_key(ec.SECP256R1()))
    expired = await token_of(controller, ttl_s=0.000001)
    for secret in ("", "x", expired, "x" * 10_000):
        assert await code_of(enroll(controller, secret, csr)) is grpc.StatusCode.PERMISSION_DENIED


async def test_a_bad_request_is_refused_and_the_token_stays_good(controller: Controller) -> None:
    secret = await token_of(controller)
    weak = csr_of(rsa.generate_private_key(public_exponent=65537, key_size=1024))
    for csr in (b"nonsense", weak, b"x" * 9000):
        assert await code_of(enroll(controller, secret, csr)) is grpc.StatusCode.INVALID_ARGUMENT
    assert await code_of(enroll(controller, secret, b"x" * 10_000_000)) is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert (await enroll(controller, secret, csr_of(ec.generate_private_key(ec.SECP256R1())))).device == "pi"


async def test_enrolment_is_not_served_on_the_fleet_port(controller: Controller) -> None:
    async with channel(controller, user(controller, "admin")) as opened:
        call = EnrollmentServiceStub(opened).Enroll(enrollment_pb2.EnrollRequest(), timeout=WAIT_S)
        assert await code_of(call) is grpc.StatusCode.PERMISSION_DENIED


async def test_roles_are_kept_apart(controller: Controller) -> None:
    upload = artifact_pb2.GetUploadRequest(digest="0" * 64)
    renew, audit = enrollment_pb2.RenewRequest(csr_pem=b"x"), fleet_pb2.ListAuditEntriesRequest()
    denied = grpc.StatusCode.PERMISSION_DENIED
    async with channel(controller, user(controller, "viewer")) as opened:
        assert await code_of(ArtifactServiceStub(opened).GetUpload(upload, timeout=WAIT_S)) is denied
        assert await code_of(FleetServiceStub(opened).ListAuditEntries(audit, timeout=WAIT_S)) is denied
    async with channel(controller, await enrolled(controller)) as opened:
        assert await code_of(ArtifactServiceStub(opened).GetUpload(upload, timeout=WAIT_S)) is denied
    async with channel(controller, user(controller, "admin")) as opened:
        assert await code_of(RenewalServiceStub(opened).Renew(renew, timeout=WAIT_S)) is denied
        assert (await ArtifactServiceStub(opened).GetUpload(upload, timeout=WAIT_S)).held_bytes == 0


async def test_an_unknown_method_is_denied(controller: Controller) -> None:
    async with channel(controller, user(controller, "admin")) as opened:
        call = opened.unary_unary("/benchfleet.v1.FleetService/Destroy")(b"", timeout=WAIT_S)
        assert await code_of(call) is grpc.StatusCode.PERMISSION_DENIED


async def test_renewal_gives_the_caller_its_own_name(controller: Controller) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    async with channel(controller, await enrolled(controller, "jetson")) as opened:
        reply = await RenewalServiceStub(opened).Renew(enrollment_pb2.RenewRequest(csr_pem=csr_of(key)), timeout=WAIT_S)
    certificate = x509.load_pem_x509_certificate(reply.certificate_pem)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == ["benchfleet://agent/jetson"]
    usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    renewed = Agent(key_pem=pem_of(key), certificate_pem=reply.certificate_pem)
    assert await check(channel(controller, renewed)) == 1


async def test_revoking_ends_open_streams_within_a_second_and_lasts(controller: Controller) -> None:
    agent = await enrolled(controller)
    async with channel(controller, agent) as opened:
        stream = await watched(opened)
        await controller.identities.revoke("pi", actor="test")
        async with asyncio.timeout(1.0):
            assert await code_of(stream.read()) is grpc.StatusCode.PERMISSION_DENIED
    assert await code_of(check(channel(controller, agent))) is grpc.StatusCode.PERMISSION_DENIED


async def test_joining_anew_denies_the_old_certificate(controller: Controller) -> None:
    old = await enrolled(controller)
    new = await enrolled(controller)
    assert await code_of(check(channel(controller, old))) is grpc.StatusCode.PERMISSION_DENIED
    assert await check(channel(controller, new)) == 1


async def test_what_is_denied_stays_denied_after_a_restart(tmp_path: Path) -> None:
    address = "127.0.0.1:0"
    settings = Settings(state=tmp_path, grpc=address, enroll=address, http=address)
    first = Controller(settings)
    await first.start()
    agent = await enrolled(first)
    await first.identities.revoke("pi", actor="test")
    await first.stop()
    second = Controller(settings)
    await second.start()
    try:
        assert await code_of(check(channel(second, agent))) is grpc.StatusCode.PERMISSION_DENIED
    finally:
        await second.stop()


async def test_a_stream_ends_when_its_certificate_does(controller: Controller) -> None:
    """The handshake looks at real time, so the certificate is a real one that ends in two seconds."""
    issued = controller.authority.issue_user("brief", "viewer", timedelta(seconds=2))
    brief = Agent(key_pem=issued.key_pem, certificate_pem=issued.certificate_pem)
    async with channel(controller, brief) as opened:
        stream = await watched(opened)
        assert await code_of(asyncio.wait_for(stream.read(), WAIT_S)) is grpc.StatusCode.PERMISSION_DENIED
    assert SystemClock().utc() >= issued.not_after


async def test_the_server_certificate_rotates_with_streams_open(controller: Controller) -> None:
    def served() -> int:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        port = int(controller.addresses.grpc.rsplit(":", 1)[1])
        with socket.create_connection(("127.0.0.1", port)) as raw, context.wrap_socket(raw) as secure:
            der = secure.getpeercert(binary_form=True)
            assert der is not None
            return x509.load_der_x509_certificate(der).serial_number

    agent = await enrolled(controller)
    async with channel(controller, agent) as opened:
        stream = await watched(opened)
        before = await asyncio.to_thread(served)
        controller.identity.rotate()
        assert await asyncio.to_thread(served) != before
        assert not stream.done()
        health = health_pb2_grpc.HealthStub(opened)
        assert (await health.Check(health_pb2.HealthCheckRequest(), timeout=WAIT_S)).status == 1
    assert await check(channel(controller, agent)) == 1


async def test_a_session_of_an_agent_begins_with_hello(controller: Controller) -> None:
    async with channel(controller, await enrolled(controller)) as opened:
        stream = AgentServiceStub(opened).Session()
        await stream.write(agent_pb2.SessionRequest(bye=agent_pb2.Bye(reason="rude")))
        assert await code_of(asyncio.wait_for(stream.read(), WAIT_S)) is grpc.StatusCode.INVALID_ARGUMENT


async def test_a_port_in_use_is_one_line_and_leaves_nothing(controller: Controller, tmp_path: Path) -> None:
    for taken in ({"grpc": controller.addresses.grpc}, {"http": controller.addresses.http}):
        addresses = {"grpc": "127.0.0.1:0", "enroll": "127.0.0.1:0", "http": "127.0.0.1:0", **taken}
        other = Controller(Settings(state=tmp_path / "other", **addresses))
        with pytest.raises(StateError, match="in use"):
            await other.start()
    again = Controller(Settings(state=tmp_path / "other", grpc="127.0.0.1:0", enroll="127.0.0.1:0", http="127.0.0.1:0"))
    await again.start()
    await again.stop()


async def test_metrics_and_discovery_are_served(controller: Controller) -> None:
    await enrolled(controller)
    base = f"http://{controller.addresses.http}"
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{base}/metrics") as reply:
            text = await reply.text()
        async with session.get(f"{base}/sd") as reply:
            targets = (await reply.json())[0]["targets"]
        async with session.get(f"{base}/healthz") as reply:
            assert reply.status == 200
    assert 'benchfleet_devices{state="offline",admission="open"} 1.0' in text
    assert "nan" not in text.lower()
    assert targets == [controller.addresses.http]


def test_help_imports_neither_grpc_nor_numpy() -> None:
    program = (
        "import sys; sys.argv = ['benchfleet', '--help']\n"
        "from benchfleet.controller.cli.main import main\n"
        "try: main()\nexcept SystemExit as end: assert end.code == 0\n"
        "print('loaded:', sorted({'grpc', 'numpy', 'onnx', 'sqlalchemy', 'matplotlib'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.splitlines()[-1] == "loaded: []"
    assert "serve" in done.stdout
