"""Join tokens: text that carries the pin of the fleet's CA, the enrolment port, and a secret of 32 random bytes.

bf1.<sha256 of the CA in DER, hex>.<enrolment port>.<secret>
"""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass

from benchfleet.controller.names import NAME
from benchfleet.core.errors import DocumentError

_LABEL_KEY = re.compile(r"[a-zA-Z0-9]([a-zA-Z0-9._/-]{0,61}[a-zA-Z0-9])?")
LABELS_MAX = 32
LABEL_VALUE_CHARACTERS_MAX = 63
TTL_S = 15 * 60.0
TTL_S_MAX = 7 * 86400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinToken:
    """A token as its maker sees it, once."""

    pin: str
    enroll_port: int
    secret: str

    def __str__(self) -> str:
        return f"bf1.{self.pin}.{self.enroll_port}.{self.secret}"


def new_token(pin: str, enroll_port: int) -> JoinToken:
    """A token with a fresh secret."""
    return JoinToken(pin=pin, enroll_port=enroll_port, secret=secrets.token_urlsafe(32))


def secret_hash(secret: str) -> str:
    """What is stored of a secret: it has 256 bits of chance in it, so a plain hash cannot be guessed back."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


def check_name(text: str, what: str) -> str:
    """`text` when it may name a device, user or data set; DocumentError otherwise."""
    if NAME.fullmatch(text) is None:
        raise DocumentError(
            f"{what} {text[:80]!r}: use 1 to 63 of a-z 0-9 . _ - and begin with a letter or digit", reason="BAD_NAME"
        )
    return text


def check_labels(labels: dict[str, str]) -> dict[str, str]:
    """`labels` when they are few, short and plain; DocumentError otherwise: they end up in selectors and metrics."""
    if len(labels) > LABELS_MAX:
        raise DocumentError(f"labels: {len(labels)}, at most {LABELS_MAX} are taken")
    for key, value in labels.items():
        if _LABEL_KEY.fullmatch(key) is None:
            raise DocumentError(f"label {key[:80]!r}: a key is 1 to 63 letters, digits, or . _ - / between them")
        if len(value) > LABEL_VALUE_CHARACTERS_MAX or not value.isprintable():
            raise DocumentError(f"label {key!r}: value {value[:80]!r} is not up to 63 printable characters")
    return labels
