"""Keys, certificate requests and what a certificate says.

The cryptography library takes 5 MB, for what a daemon does at its start and once in twelve hours: a daemon asks a child
process (`Aside`), whose memory goes with it. Run as a module, this file is that child.
"""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import datetime, timezone

from benchfleet.core.errors import RefusedError

CHILD_S = 60.0
"""Of a Raspberry Pi Zero under load; the child itself takes a fraction of a second on most."""

Lifetime = tuple[datetime, datetime]


def key_and_request(device: str) -> tuple[str, bytes]:
    """A new P-256 key as PEM, and a certificate request signed with it."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, device[:64])])
    request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return pem.decode(), request.public_bytes(serialization.Encoding.PEM)


def lifetime(certificate_pem: str) -> Lifetime:
    """(not before, not after), aware UTC."""
    from cryptography import x509

    certificate = x509.load_pem_x509_certificate(certificate_pem.encode())
    return certificate.not_valid_before_utc, certificate.not_valid_after_utc


def check(certificate_pem: str) -> None:
    """Says before dialling what a failed handshake would not say: expired, or a clock that is wrong."""
    check_lifetime(lifetime(certificate_pem))


def check_lifetime(known: Lifetime) -> None:
    """The same for a lifetime that is known."""
    start, end = known
    now = datetime.now(timezone.utc)
    if now >= end:
        raise RefusedError(f"this device's certificate expired at {end:%Y-%m-%d %H:%M} UTC; join with a new token")
    if now < start:
        raise RefusedError(
            f"this device's certificate is valid from {start:%Y-%m-%d %H:%M} UTC "
            f"and the clock says {now:%Y-%m-%d %H:%M}; set the clock"
        )


class Aside:
    """The same functions in a child process; the lifetime of the newest certificate is remembered."""

    def __init__(self) -> None:
        self._known: tuple[str, Lifetime] | None = None

    def key_and_request(self, device: str) -> tuple[str, bytes]:
        """A new key and a request signed with it; RefusedError when the child fails."""
        key_pem, request = _asked({"device": device})
        return key_pem, request.encode()

    def lifetime(self, certificate_pem: str) -> Lifetime:
        """(not before, not after) of a certificate; RefusedError when it is none."""
        if self._known is None or self._known[0] != certificate_pem:
            start, end = _asked({"certificate": certificate_pem})
            self._known = certificate_pem, (datetime.fromisoformat(start), datetime.fromisoformat(end))
        return self._known[1]

    def check(self, certificate_pem: str) -> None:
        """RefusedError for a certificate that is over, or not yet valid."""
        check_lifetime(self.lifetime(certificate_pem))


def _asked(question: dict[str, str]) -> list[str]:
    try:
        done = subprocess.run(
            [sys.executable, "-P" if sys.version_info >= (3, 11) else "-s", "-m", __name__],
            input=json.dumps(question),
            capture_output=True,
            text=True,
            timeout=CHILD_S,
            check=True,
        )
        return [str(part) for part in json.loads(done.stdout)]
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        what = "certificate cannot be read" if "certificate" in question else "key cannot be made"
        raise RefusedError(f"this device's {what}: {error}; join with a new token") from error


def _answer() -> None:
    question = json.load(sys.stdin)
    if "certificate" in question:
        start, end = lifetime(question["certificate"])
        answer = [start.isoformat(), end.isoformat()]
    else:
        key_pem, request = key_and_request(question["device"])
        answer = [key_pem, request.decode()]
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    _answer()
