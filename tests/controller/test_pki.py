"""The authority decides what a certificate says; what a request asks for is ignored."""

from __future__ import annotations

import os
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from benchfleet.controller.pki import SERVER_NAME, Authority
from benchfleet.core.clock import ManualClock
from benchfleet.core.errors import DocumentError, StateError


def request(
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey, *, ca: bool = False
) -> bytes:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "admin")])
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    if ca:
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        uri = x509.UniformResourceIdentifier("benchfleet://user/admin/root")
        builder = builder.add_extension(x509.SubjectAlternativeName([uri]), critical=False)
    algorithm = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return builder.sign(key, algorithm).public_bytes(serialization.Encoding.PEM)


def uris(pem: bytes) -> list[str]:
    names = x509.load_pem_x509_certificate(pem).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return names.get_values_for_type(x509.UniformResourceIdentifier)


@pytest.mark.parametrize(
    "csr", [b"", b"nonsense", b"\x00" * 100, b"x" * 10_000_000], ids=["empty", "text", "nul", "10MB"]
)
def test_what_is_no_request_is_refused_in_one_line(csr: bytes) -> None:
    with pytest.raises(DocumentError) as caught:
        Authority.create().issue_agent(csr, "pi")
    assert "\n" not in str(caught.value)


def test_weak_keys_are_refused() -> None:
    authority = Authority.create()
    weak = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    for key in (weak, ec.generate_private_key(ec.SECP192R1()) if hasattr(ec, "SECP192R1") else weak):
        with pytest.raises(DocumentError):
            authority.issue_agent(request(key), "pi")


def test_a_request_signed_by_another_key_is_refused() -> None:
    good = request(ec.generate_private_key(ec.SECP256R1()))
    der = bytearray(x509.load_pem_x509_csr(good).public_bytes(serialization.Encoding.DER))
    position = der.find(b"admin")
    der[position : position + 5] = b"other"
    forged = x509.load_der_x509_csr(bytes(der)).public_bytes(serialization.Encoding.PEM)
    with pytest.raises(DocumentError, match="signature"):
        Authority.create().issue_agent(forged, "pi")


@pytest.mark.parametrize(
    "key",
    [
        ec.generate_private_key(ec.SECP256R1()),
        ec.generate_private_key(ec.SECP384R1()),
        ed25519.Ed25519PrivateKey.generate(),
    ],
    ids=["p256", "p384", "ed25519"],
)
def test_subject_names_and_ca_flag_of_a_request_are_ignored(
    key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey,
) -> None:
    issued = Authority.create().issue_agent(request(key, ca=True), "pi")
    certificate = x509.load_pem_x509_certificate(issued.certificate_pem)
    assert uris(issued.certificate_pem) == ["benchfleet://agent/pi"]
    assert not certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    assert "admin" not in certificate.subject.rfc4514_string()


def test_an_agent_certificate_lasts_a_day() -> None:
    now = datetime(2026, 5, 1, tzinfo=timezone.utc)
    authority = Authority.create(ManualClock(utc=now))
    issued = authority.issue_agent(request(ec.generate_private_key(ec.SECP256R1())), "pi")
    assert issued.not_after == now + timedelta(hours=24)


def test_the_server_chain_carries_the_ca_and_the_fixed_name() -> None:
    authority = Authority.create()
    issued = authority.issue_server(["bench.example.org", "192.0.2.1"])
    leaf, ca = x509.load_pem_x509_certificates(issued.certificate_pem)
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert {SERVER_NAME, "bench.example.org"} <= set(names.get_values_for_type(x509.DNSName))
    assert ca.fingerprint(hashes.SHA256()).hex() == authority.pin


def test_the_same_folder_is_the_same_authority(tmp_path: Path) -> None:
    assert Authority.open(tmp_path).pin == Authority.open(tmp_path).pin
    assert (tmp_path / "pki" / "ca.key").stat().st_mode & 0o777 == 0o600


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    Authority.open(tmp_path)
    (tmp_path / "pki" / "ca.key").chmod(0o644)
    with pytest.raises(StateError, match="chmod 600"):
        Authority.open(tmp_path)


@pytest.mark.parametrize("lost", ["ca.key", "ca.pem"])
def test_half_an_authority_is_refused_and_not_replaced(tmp_path: Path, lost: str) -> None:
    Authority.open(tmp_path)
    (tmp_path / "pki" / lost).unlink()
    with pytest.raises(StateError):
        Authority.open(tmp_path)
    assert not (tmp_path / "pki" / lost).exists()


def test_a_damaged_key_is_refused(tmp_path: Path) -> None:
    Authority.open(tmp_path)
    (tmp_path / "pki" / "ca.key").write_bytes(os.urandom(200))
    with pytest.raises(StateError, match="damaged"):
        Authority.open(tmp_path)


def test_a_foreign_key_is_refused(tmp_path: Path) -> None:
    Authority.open(tmp_path / "a")
    Authority.open(tmp_path / "b")
    (tmp_path / "a" / "pki" / "ca.key").write_bytes((tmp_path / "b" / "pki" / "ca.key").read_bytes())
    with pytest.raises(StateError, match="do not belong together"):
        Authority.open(tmp_path / "a")
