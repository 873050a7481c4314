"""Files that a command writes: whole or not at all, and one line when they cannot be written."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from benchfleet.core.errors import DocumentError


def write_atomically(path: Path, payload: bytes) -> None:
    """Writes beside the target and renames; an old file stays as it was until the new one is complete."""
    staged: str | None = None
    try:
        if path.is_dir():
            raise DocumentError(f"cannot write {path}: it is a folder; name a file in it")
        if path.exists() and not path.is_file():
            path.write_bytes(payload)  # a pipe or device, such as /dev/stdout, cannot be replaced
            return
        descriptor, staged = tempfile.mkstemp(dir=path.parent, prefix=".benchfleet-")
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(payload)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(staged, 0o666 & ~_umask())
        os.replace(staged, path)
        staged = None
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise DocumentError(f"cannot write {path}: {why}") from error
    finally:
        if staged is not None:
            with suppress(OSError):
                os.unlink(staged)


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
