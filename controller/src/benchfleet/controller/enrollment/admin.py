"""Credentials of users: made on the controller's host, from the state folder, by whoever may read the CA's key."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from cryptography import x509

from benchfleet.controller.auth import ADMIN, USER_ROLES
from benchfleet.controller.client.credentials import Credentials, read_credentials
from benchfleet.controller.enrollment.tokens import check_name
from benchfleet.controller.pki import USER_LIFETIME, Authority
from benchfleet.core.clock import Clock
from benchfleet.core.errors import BenchfleetError, DocumentError

RENEW_BEFORE = timedelta(days=30)
LIFETIME_DAYS_MAX = 825


def user_credentials(
    authority: Authority, name: str, role: str, controller: str, lifetime: timedelta = USER_LIFETIME
) -> Credentials:
    """New credentials of one user; DocumentError for a bad name, role or lifetime."""
    check_name(name, "user")
    if role not in USER_ROLES:
        raise DocumentError(f"role {role[:40]!r}: use one of {', '.join(USER_ROLES)}")
    if not timedelta(0) < lifetime <= timedelta(days=LIFETIME_DAYS_MAX):
        raise DocumentError(f"credentials of {name}: a lifetime is 1 to {LIFETIME_DAYS_MAX} days")
    issued = authority.issue_user(name, role, lifetime)
    return Credentials(
        controller=controller,
        ca_pem=authority.ca_pem.decode(),
        certificate_pem=issued.certificate_pem.decode(),
        key_pem=issued.key_pem.decode(),
    )


def admin_credentials(path: Path, authority: Authority, controller: str, clock: Clock) -> Credentials:
    """Those in the file with today's address, or new ones when they are missing, unusable, foreign or soon to end."""
    try:
        held = read_credentials(path)
        certificate = x509.load_pem_x509_certificate(held.certificate_pem.encode())
        lasting = certificate.not_valid_after_utc - clock.utc() > RENEW_BEFORE
    except (BenchfleetError, ValueError):
        lasting = False
    if lasting and held.ca_pem == authority.ca_pem.decode():
        return replace(held, controller=controller)
    return user_credentials(authority, "admin", ADMIN, controller)
