"""Who this device is to its fleet: one file, made by `join`, readable by its owner alone."""

from __future__ import annotations

import json
import os
import stat
from dataclasses import asdict, dataclass
from pathlib import Path

from benchfleet.agent.disk import sync_folder
from benchfleet.core.errors import RefusedError, StateError

FILE = "identity.json"
ROOM_BYTES = 16 * 1024
"""More than an identity takes."""

SERVER_NAME = "benchfleet-controller"
"""What every controller's certificate says, whatever address it is dialled by."""

CHANNEL_OPTIONS: tuple[tuple[str, str | int], ...] = (
    ("grpc.ssl_target_name_override", SERVER_NAME),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.ping_timeout_ms", 10_000),
    ("grpc.initial_reconnect_backoff_ms", 1_000),
    ("grpc.min_reconnect_backoff_ms", 5_000),
    ("grpc.max_reconnect_backoff_ms", 30_000),
    ("grpc.use_local_subchannel_pool", 1),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Name, certificate and where to dial."""

    device: str
    controller: str
    ca_pem: str
    certificate_pem: str
    key_pem: str


def default_state() -> Path:
    """Where the agent keeps its state when nobody says: XDG data home."""
    base = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(os.environ.get("BENCHFLEET_AGENT_STATE") or Path(base) / "benchfleet-agent")


def save(state: Path, identity: Identity) -> None:
    """Writes the file atomically, mode 0600; StateError when it cannot be written."""
    try:
        state.mkdir(parents=True, exist_ok=True, mode=0o700)
        scratch = _write(state, json.dumps(asdict(identity)).encode())
        scratch.replace(state / FILE)
        sync_folder(state)
    except OSError as error:
        raise StateError(f"state {state}: cannot be written ({error.strerror}); choose another with --state") from error


def check_room(state: Path) -> None:
    """Before a token is used up: writes what `save` would, and takes it away; StateError when that is impossible."""
    try:
        state.mkdir(parents=True, exist_ok=True, mode=0o700)
        _write(state, bytes(ROOM_BYTES)).unlink()
    except OSError as error:
        raise StateError(f"state {state}: cannot be written ({error.strerror}); choose another with --state") from error


def _write(state: Path, payload: bytes) -> Path:
    """A scratch file that was its owner's alone from its first byte; one that a crash left behind is dropped."""
    scratch = state / f".{FILE}.new"
    scratch.unlink(missing_ok=True)
    handle = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(payload)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        scratch.unlink(missing_ok=True)
        raise
    return scratch


def load(state: Path) -> Identity:
    """The identity; RefusedError when the device has not joined or others may read its key."""
    path = state / FILE
    try:
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise RefusedError(f"{path}: others may read this key; chmod 600 it, and join anew if they did")
        return Identity(**json.loads(path.read_text()))
    except FileNotFoundError:
        raise RefusedError(f"{state}: this device has not joined a fleet; run `benchfleet-agent join TOKEN`") from None
    except (OSError, ValueError, TypeError) as error:
        raise StateError(f"{path}: is damaged ({error}); join anew") from error
