"""The fleet's private certificate authority, kept in the state folder, and the three kinds of certificate it issues.

Who somebody is stands in the URI SAN, which the authority alone decides; whatever a request asks for is ignored but its
public key. https://www.rfc-editor.org/rfc/rfc5280

    <state>/pki/ca.pem   <state>/pki/ca.key (0600)
"""

from __future__ import annotations

import hashlib
import ipaddress
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from benchfleet.core.clock import Clock, SystemClock
from benchfleet.core.errors import DocumentError, StateError

SERVER_NAME = "benchfleet-controller"
"""In every server certificate; every client asks for it whatever address it dials."""

CONTROLLER_URI = "benchfleet://controller"
CA_LIFETIME = timedelta(days=3650)
AGENT_LIFETIME = timedelta(hours=24)
USER_LIFETIME = timedelta(days=90)
SERVER_LIFETIME = timedelta(days=7)
CLOCK_TOLERANCE = timedelta(minutes=5)
"""Certificates start this much in the past: clocks of boards are not exact."""

CSR_BYTES_MAX = 8192
RSA_BITS_MIN = 2048
RSA_BITS_MAX = 8192
"""A verification with a larger key costs the controller more than the request is worth."""

PublicKey = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | rsa.RSAPublicKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """A certificate, with its key when the authority made that too."""

    certificate_pem: bytes
    serial: int
    not_after: datetime
    key_pem: bytes = field(default=b"", repr=False)


class Authority:
    """Signs for one fleet."""

    def __init__(self, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate, clock: Clock) -> None:
        self._key = key
        self._certificate = certificate
        self._clock = clock
        self.ca_pem = certificate.public_bytes(serialization.Encoding.PEM)
        self.pin = hashlib.sha256(certificate.public_bytes(serialization.Encoding.DER)).hexdigest()

    @classmethod
    def create(cls, clock: Clock | None = None) -> Authority:
        """A new authority, in memory."""
        clock = clock or SystemClock()
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "benchfleet fleet CA")])
        usage = _key_usage(sign=True)
        certificate = (
            _builder(name, name, key.public_key(), clock.utc(), CA_LIFETIME)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .sign(key, hashes.SHA256())
        )
        return cls(key, certificate, clock)

    @classmethod
    def open(cls, state: Path, clock: Clock | None = None) -> Authority:
        """The authority of a state folder, made at first use; StateError when its files cannot be used or trusted."""
        clock = clock or SystemClock()
        folder = state / "pki"
        key_file, certificate_file = folder / "ca.key", folder / "ca.pem"
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not key_file.exists() and not certificate_file.exists():
                _store(cls.create(clock), key_file, certificate_file)
            if key_file.stat().st_mode & 0o077:
                raise StateError(f"{key_file}: others can read the fleet's key; run: chmod 600 {key_file}")
            key = serialization.load_pem_private_key(key_file.read_bytes(), password=None)
            certificate = x509.load_pem_x509_certificate(certificate_file.read_bytes())
        except OSError as error:
            raise StateError(f"{error.filename or folder}: cannot be used as state ({error.strerror})") from error
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise StateError(f"{folder}: the certificate authority is damaged; restore it from backup") from error
        if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
            raise StateError(f"{folder}: ca.key and ca.pem do not belong together; restore both from backup")
        return cls(key, certificate, clock)

    def issue_agent(self, csr_pem: bytes, device: str) -> Issued:
        """A device's client certificate from its request; DocumentError when the request is not acceptable."""
        return self._issue(_csr_key(csr_pem), f"benchfleet://agent/{device}", AGENT_LIFETIME)

    def issue_user(self, name: str, role: str, lifetime: timedelta = USER_LIFETIME) -> Issued:
        """A user's client certificate with a key of its own."""
        key = ec.generate_private_key(ec.SECP256R1())
        return self._issue(key.public_key(), f"benchfleet://user/{role}/{name}", lifetime, key_pem=_key_pem(key))

    def issue_server(self, names: Iterable[str] = ()) -> Issued:
        """A certificate of the controller for SERVER_NAME and its real names; the chain holds the CA too."""
        key = ec.generate_private_key(ec.SECP256R1())
        alternatives = [_general_name(name) for name in dict.fromkeys((SERVER_NAME, "localhost", "127.0.0.1", *names))]
        issued = self._issue(
            key.public_key(),
            CONTROLLER_URI,
            SERVER_LIFETIME,
            usage=ExtendedKeyUsageOID.SERVER_AUTH,
            names=alternatives,
            key_pem=_key_pem(key),
        )
        # The chain carries the CA: an agent that joins finds in it the certificate that its token pins.
        return Issued(
            certificate_pem=issued.certificate_pem + self.ca_pem,
            serial=issued.serial,
            not_after=issued.not_after,
            key_pem=issued.key_pem,
        )

    def _issue(
        self,
        public_key: PublicKey,
        uri: str,
        lifetime: timedelta,
        *,
        usage: x509.ObjectIdentifier = ExtendedKeyUsageOID.CLIENT_AUTH,
        names: Iterable[x509.GeneralName] = (),
        key_pem: bytes = b"",
    ) -> Issued:
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, uri[-64:])])
        alternatives = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri), *names])
        issuer_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        certificate = (
            _builder(subject, self._certificate.subject, public_key, self._clock.utc(), lifetime)
            .add_extension(alternatives, critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(sign=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .add_extension(issuer_key, critical=False)
            .sign(self._key, hashes.SHA256())
        )
        return Issued(
            certificate_pem=certificate.public_bytes(serialization.Encoding.PEM),
            serial=certificate.serial_number,
            not_after=certificate.not_valid_after_utc,
            key_pem=key_pem,
        )


def _csr_key(csr_pem: bytes) -> PublicKey:
    if len(csr_pem) > CSR_BYTES_MAX:
        raise DocumentError(f"certificate request: {len(csr_pem)} bytes, at most {CSR_BYTES_MAX} are taken")
    try:
        request = x509.load_pem_x509_csr(csr_pem)
        key = request.public_key()
        proven = request.is_signature_valid
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise DocumentError("certificate request: not a PKCS#10 request in PEM that can be read") from error
    if isinstance(key, rsa.RSAPublicKey):
        good = RSA_BITS_MIN <= key.key_size <= RSA_BITS_MAX
    elif isinstance(key, ec.EllipticCurvePublicKey):
        good = key.curve.name in ("secp256r1", "secp384r1")
    else:
        good = isinstance(key, ed25519.Ed25519PublicKey)
    if not good:
        raise DocumentError("certificate request: key refused; use EC P-256 or P-384, Ed25519, or RSA of 2048 bits")
    if not proven:
        raise DocumentError("certificate request: its signature is not of the key in it")
    assert isinstance(key, ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | rsa.RSAPublicKey)
    return key


def _builder(
    subject: x509.Name, issuer: x509.Name, key: PublicKey, now: datetime, lifetime: timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCK_TOLERANCE)
        .not_valid_after(now + lifetime)
    )


def _key_usage(*, sign: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not sign,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=sign,
        crl_sign=sign,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        try:
            return x509.DNSName(name)
        except ValueError as error:
            raise DocumentError(f"name {name!r}: not a host name; use its ASCII form") from error


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _store(authority: Authority, key_file: Path, certificate_file: Path) -> None:
    # The certificate goes last: a crash between the two leaves a key alone, which open() refuses rather than replaces.
    for path, payload in ((key_file, _key_pem(authority._key)), (certificate_file, authority.ca_pem)):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(payload)
            file.flush()
            os.fsync(file.fileno())
