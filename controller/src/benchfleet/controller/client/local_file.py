"""Files that a user names, looked at before they are opened: a pipe or a device would be read for ever."""

from __future__ import annotations

import stat
from pathlib import Path

from benchfleet.core.errors import DocumentError

FILE_BYTES_MAX = 8 * 1024**3
"""What the controller stores of one artifact: more is refused here, before minutes of hashing."""


def regular_file(path: Path, what: str) -> int:
    """The size of a file that can be pushed; DocumentError for a folder, pipe, device, or a file empty or too large."""
    try:
        found = path.stat()
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise DocumentError(f"{what} {path}: cannot be read ({why}); check the path") from error
    if not stat.S_ISREG(found.st_mode):
        kind = "a folder" if stat.S_ISDIR(found.st_mode) else "a pipe or device"
        raise DocumentError(f"{what} {path}: is {kind}; name a file")
    if found.st_size == 0:
        raise DocumentError(f"{what} {path}: the file is empty")
    if found.st_size > FILE_BYTES_MAX:
        gib = found.st_size / 1024**3
        raise DocumentError(
            f"{what} {path}: {gib:.1f} GiB are more than the {FILE_BYTES_MAX >> 30} GiB that are stored"
        )
    return found.st_size


def refuse_pipe(path: Path, what: str) -> None:
    """DocumentError for a named pipe, which may never say anything; one of the shell, below /dev, is taken."""
    try:
        waits = stat.S_ISFIFO(path.stat().st_mode) and not path.is_relative_to("/dev")
    except (OSError, ValueError):
        return  # opening it says why
    if waits:
        raise DocumentError(f"{what} {path}: is a pipe; name a file")
