"""Keys and certificate requests. The cryptography library is heavy: it is imported when it is needed."""

from __future__ import annotations

from datetime import datetime, timezone

from benchfleet.core.errors import RefusedError


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


def lifetime(certificate_pem: str) -> tuple[datetime, datetime]:
    """(not before, not after), aware UTC."""
    from cryptography import x509

    certificate = x509.load_pem_x509_certificate(certificate_pem.encode())
    return certificate.not_valid_before_utc, certificate.not_valid_after_utc


def check(certificate_pem: str) -> None:
    """Says before dialling what a failed handshake would not say: expired, or a clock that is wrong."""
    start, end = lifetime(certificate_pem)
    now = datetime.now(timezone.utc)
    if now >= end:
        raise RefusedError(f"this device's certificate expired at {end:%Y-%m-%d %H:%M} UTC; join with a new token")
    if now < start:
        raise RefusedError(
            f"this device's certificate is valid from {start:%Y-%m-%d %H:%M} UTC "
            f"and the clock says {now:%Y-%m-%d %H:%M}; set the clock"
        )
