"""Room on the disk: how much is left, and a reserve that is ours before the rest of the device fills it."""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path

from benchfleet.core.errors import StateError

FULL = (errno.ENOSPC, errno.EDQUOT)
SLOTS = 8
SLOT_BYTES = 512 * 1024
"""A result of five launches with a baseline has under 100 KiB, so eight of any size seen fit in 4 MiB."""


class DiskFullError(StateError):
    """Nothing can be written for want of room, by us or by anybody without a reserve."""


def free_bytes(folder: Path) -> int:
    """What may still be written below a folder by one who is not root; statvfs(3)."""
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


def sync_folder(folder: Path) -> None:
    """Makes renames in it durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class Reserve:
    """Files whose blocks are allocated. One is written in place and renamed: the file system is asked for no block.

    It keeps its size under its new name, and comes back with its blocks when it is not needed any more; so it serves
    however long the disk stays full. File systems that write to new blocks each time (btrfs) may still refuse.
    """

    def __init__(self, folder: Path, *, slots: int = SLOTS, slot_bytes: int = SLOT_BYTES) -> None:
        self._paths = [folder / f"reserve.{number}" for number in range(slots)]
        self._slot_bytes = slot_bytes
        self.refill()

    @property
    def slots(self) -> int:
        """How many are there to be used."""
        return sum(path.exists() for path in self._paths)

    def refill(self) -> None:
        """Makes what is missing, as far as there is room."""
        for path in self._paths:
            if path.exists():
                continue
            scratch = path.with_name(f".{path.name}.new")
            try:
                handle = os.open(scratch, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
                try:
                    os.posix_fallocate(handle, 0, self._slot_bytes)
                finally:
                    os.close(handle)
                scratch.rename(path)
            except OSError:
                scratch.unlink(missing_ok=True)
                return

    def write(self, path: Path, payload: bytes) -> bool:
        """Durable at `path`, followed by what the file held before; False when no reserve is left that holds it."""
        scratch = path.with_name(f".{path.name}.new")
        if len(payload) > self._slot_bytes:
            return False
        for slot in self._paths:
            try:
                slot.rename(scratch)
            except FileNotFoundError:
                continue
            try:
                with scratch.open("r+b") as file:
                    file.write(payload)
                    file.flush()
                    os.fsync(file.fileno())
                scratch.replace(path)
                sync_folder(path.parent)
            except OSError:
                scratch.unlink(missing_ok=True)
                return False
            return True
        return False

    def take_back(self, path: Path) -> bool:
        """Makes a file that was reserve what it was; False when it never was one, or none is missing."""
        with contextlib.suppress(FileNotFoundError):
            if path.stat().st_size == self._slot_bytes:
                for slot in self._paths:
                    if not slot.exists():
                        path.rename(slot)
                        return True
        return False

    def release(self, slots: int = SLOTS) -> int:
        """Gives as many of its files to the file system, for what cannot be written in place; how many it had."""
        given = [path for path in self._paths if path.exists()][:slots]
        for path in given:
            path.unlink(missing_ok=True)
        return len(given)
