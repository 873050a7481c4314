"""One daemon per state folder, and its incarnation: a number that grows by one at each start and never goes back."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from benchfleet.agent import durable
from benchfleet.core.errors import StateError


class StateLock:
    """Held for as long as a daemon runs; the kernel lets go of it when the process dies."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "lock"
        self._handle = -1

    def __enter__(self) -> StateLock:
        try:
            self._handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._close()
            raise StateError(
                f"state {self._path.parent}: an agent runs on it already; stop it or give another --state",
                reason="STATE_IN_USE",
            ) from error
        except OSError as error:
            raise StateError(f"state {self._path.parent}: cannot be used ({error.strerror})") from error
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def _close(self) -> None:
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1


def next_incarnation(folder: Path) -> int:
    """The incarnation of this start, on disk before anybody hears of it."""
    path = folder / "incarnation"
    try:
        held = int(path.read_text()) if path.exists() else 0
        durable.write(path, str(held + 1).encode())
    except ValueError as error:
        raise StateError(f"{path}: is damaged; write the number shown by `benchfleet devices show` into it") from error
    except OSError as error:
        raise StateError(f"{path}: cannot be written ({error.strerror}); free or replace the disk") from error
    return held + 1
