"""How often the daemon has started on this device: with it a controller tells the newest from the rest."""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from benchfleet.agent.disk import FULL, DiskFullError, Reserve, sync_folder
from benchfleet.core.errors import StateError


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """This start of the daemon; `lock` is held for as long as it lives."""

    incarnation: int
    instance_id: str
    lock: int


def begin(state: Path) -> Instance:
    """Counts up, durably; StateError when another daemon uses the folder."""
    try:
        state.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = os.open(state / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StateError(f"state {state}: cannot be written ({error.strerror}); choose another with --state") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise StateError(f"state {state}: another agent uses it; stop that one or choose another --state") from None
    try:
        incarnation = _count(state)
    except StateError:
        os.close(lock)
        raise
    return Instance(incarnation=incarnation, instance_id=secrets.token_hex(8), lock=lock)


def _count(state: Path) -> int:
    """One more than at the start before, durably."""
    path = state / "incarnation"
    held = 0
    with contextlib.suppress(FileNotFoundError, ValueError):
        held = int(path.read_text())
    try:
        durable_write(path, str(held + 1).encode())
    except DiskFullError:
        # What waits in the spool is delivered by an agent that has started: that is worth a file of the reserve.
        if not Reserve(state / "spool").release(1):
            raise
        durable_write(path, str(held + 1).encode())
    return held + 1


def durable_write(path: Path, payload: bytes) -> None:
    """Temporary file, fsync, rename, fsync of the folder: there whole after a power loss, or not at all.

    DiskFullError for want of room, StateError for all else.
    """
    scratch = path.with_name(f".{path.name}.new")
    try:
        with scratch.open("wb") as file:
            file.write(payload)
            file.flush()
            os.fsync(file.fileno())
        scratch.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            scratch.unlink()
        raise (DiskFullError if error.errno in FULL else StateError)(
            f"{path}: cannot be written ({error.strerror}); free space on the disk"
        ) from error
