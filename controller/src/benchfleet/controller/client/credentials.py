"""An operator's credentials: one JSON file of mode 0600, found by flag, environment or default, in that order.

{"controller": "HOST:PORT", "ca_pem": "...", "certificate_pem": "...", "key_pem": "..."}
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

from benchfleet.controller.client.local_file import refuse_pipe
from benchfleet.core.errors import DocumentError, RefusedError, StateError

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

CREDENTIALS_VARIABLE = "BENCHFLEET_CREDENTIALS"
CONTROLLER_VARIABLE = "BENCHFLEET_CONTROLLER"
STATE_VARIABLE = "BENCHFLEET_STATE"
ADMIN_FILE = "admin.json"
_FILE_BYTES_MAX = 64 * 1024
_HOW_TO_GET = "`benchfleet serve` writes admin.json; `benchfleet credentials create` on its host makes more"


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """Who an operator is and which controller that is for. The key never shows in a repr."""

    controller: str
    ca_pem: str
    certificate_pem: str
    key_pem: str = field(repr=False)


def default_state_dir() -> Path:
    """The controller's state folder when none is named."""
    named = os.environ.get(STATE_VARIABLE)
    return Path(named) if named else platformdirs.user_data_path("benchfleet")


def find_credentials(path: Path | None = None, controller: str | None = None) -> Credentials:
    """The credentials that apply; RefusedError (exit code 6) when there are none, or they are out of date.

    `path` over BENCHFLEET_CREDENTIALS over admin.json of the default state folder; `controller` over
    BENCHFLEET_CONTROLLER over the address in the file.
    """
    named = path or (Path(v) if (v := os.environ.get(CREDENTIALS_VARIABLE)) else None)
    file = named or default_state_dir() / ADMIN_FILE
    credentials = read_credentials(file)
    _check_dates(credentials, file)
    address = controller or os.environ.get(CONTROLLER_VARIABLE)
    return replace(credentials, controller=check_address(address)) if address else credentials


def read_credentials(path: Path) -> Credentials:
    """The credentials of one file; RefusedError when it is missing or others may read it, DocumentError when bad."""
    refuse_pipe(path, "credentials")
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            payload = file.read(_FILE_BYTES_MAX + 1)
    except FileNotFoundError:
        raise RefusedError(f"credentials {path}: no such file; {_HOW_TO_GET}, then --credentials FILE") from None
    except OSError as error:
        raise RefusedError(f"credentials {path}: {error.strerror}; name another file with --credentials") from error
    if mode & 0o077:
        raise RefusedError(f"credentials {path}: others can read this key; run: chmod 600 {path}")
    try:
        data = json.loads(payload)
        fields = {name: data[name] for name in ("controller", "ca_pem", "certificate_pem", "key_pem")}
        if len(payload) > _FILE_BYTES_MAX or not all(isinstance(v, str) for v in fields.values()):
            raise ValueError("not text")
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise DocumentError(f"credentials {path}: not a credentials file; {_HOW_TO_GET}") from error
    return Credentials(**{**fields, "controller": check_address(fields["controller"])})


def write_credentials(path: Path, credentials: Credentials) -> None:
    """Writes a file of mode 0600 in one step; StateError when that cannot be done."""
    staged = path.with_name(f".{path.name}.new")
    try:
        staged.unlink(missing_ok=True)
        descriptor = os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(asdict(credentials), file, indent=1)
        staged.replace(path)
    except OSError as error:
        staged.unlink(missing_ok=True)
        raise StateError(f"credentials {path}: cannot be written ({error.strerror})") from error


def check_address(text: str) -> str:
    """`text` when it reads HOST:PORT; DocumentError otherwise."""
    host, _, port = text.rpartition(":")
    good_port = port.isascii() and port.isdigit() and len(port) <= 5 and int(port) <= 65535
    if not host or not good_port or not text.isprintable() or any(c in text for c in " /"):
        raise DocumentError(f"address {text[:100]!r}: expected HOST:PORT, for example 127.0.0.1:7443")
    return text


def _check_parts(credentials: Credentials, certificate: Certificate, path: Path) -> None:
    """What the handshake would only call "socket closed", and the TLS library in lines of its own."""
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(credentials.key_pem.encode(), password=None)
        authority = x509.load_pem_x509_certificate(credentials.ca_pem.encode())
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise DocumentError(f"credentials {path}: no key or no authority in it; {_HOW_TO_GET}") from error
    if key.public_key() != certificate.public_key():
        raise DocumentError(f"credentials {path}: its key is not that of its certificate; {_HOW_TO_GET}")
    try:
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature) as error:
        raise RefusedError(f"credentials {path}: its certificate is of another fleet; {_HOW_TO_GET}") from error


def _check_dates(credentials: Credentials, path: Path) -> None:
    """A refused handshake only says "socket closed": so look at our own certificate before dialling."""
    from cryptography import x509

    try:
        certificate = x509.load_pem_x509_certificate(credentials.certificate_pem.encode())
    except ValueError as error:
        raise DocumentError(f"credentials {path}: no certificate in it; {_HOW_TO_GET}") from error
    _check_parts(credentials, certificate, path)
    now = datetime.now(timezone.utc)
    if now > certificate.not_valid_after_utc:
        ended = f"{certificate.not_valid_after_utc:%Y-%m-%d %H:%M} UTC"
        raise RefusedError(f"credentials {path}: expired at {ended}; {_HOW_TO_GET}")
    if now < certificate.not_valid_before_utc:
        raise RefusedError(f"credentials {path}: not yet valid; is the clock of this machine right?")
