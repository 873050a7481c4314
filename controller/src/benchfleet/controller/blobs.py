"""Bytes by digest in a folder: staged, checked against size and sha256, synced, and only then visible.

    <root>/<first two digits>/<digest>      committed, never changed
    <root>/staging/<digest>                 what an upload holds so far; goes on from there after a cut

All calls block: call them from a thread. An upload of the same bytes by two callers at once is refused to the second.
"""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from benchfleet.core.errors import ConflictError, DocumentError, NotFoundError, StateError
from benchfleet.core.wire import CHUNK_BYTES, check_digest

BLOB_BYTES_MAX = 8 * 1024**3
"""Larger than any model that a device at the edge can load."""

STAGE_AGE_MAX_S = 24 * 3600.0
"""An upload that nobody went on with for a day is abandoned."""


class BlobStore:
    """A content-addressed folder."""

    def __init__(self, root: Path, *, blob_bytes_max: int = BLOB_BYTES_MAX) -> None:
        """Makes the folder and collects abandoned stages; StateError when it cannot be used."""
        self._root = root
        self._staging = root / "staging"
        self._blob_bytes_max = blob_bytes_max
        self._busy: set[str] = set()
        self._lock = threading.Lock()
        try:
            self._staging.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StateError(f"{root}: cannot hold artifacts ({error.strerror})") from error
        self.collect()

    def size_of(self, digest: str) -> int | None:
        """Bytes of a committed blob; None when there is none."""
        try:
            return self._path(digest).stat().st_size
        except FileNotFoundError:
            return None

    def held(self, digest: str) -> tuple[int, bool]:
        """Bytes that an upload holds, and whether the blob is committed."""
        committed_bytes = self.size_of(digest)
        if committed_bytes is not None:
            return committed_bytes, True
        try:
            return self._stage_path(digest).stat().st_size, False
        except FileNotFoundError:
            return 0, False

    def begin(self, digest: str, size_bytes: int) -> Stage:
        """Opens the stage of an upload, with what it holds; close it or commit it. Raises for a size out of bounds."""
        path = self._stage_path(digest)
        if not 0 < size_bytes <= self._blob_bytes_max:
            raise DocumentError(f"artifact {digest[:12]}: {size_bytes} bytes, 1 to {self._blob_bytes_max} are taken")
        with self._lock:
            if digest in self._busy:
                raise ConflictError(f"artifact {digest[:12]}: another upload of it is under way", reason="UPLOAD_BUSY")
            self._busy.add(digest)
        try:
            file = path.open("ab")
            if file.tell() > size_bytes:
                file.truncate(0)
            return Stage(self, digest, size_bytes, file)
        except OSError as error:
            self._release(digest)
            raise StateError(f"artifact {digest[:12]}: cannot be staged ({error.strerror})") from error

    def put(self, payload: bytes) -> str:
        """Commits bytes at once; their digest."""
        digest = hashlib.sha256(payload).hexdigest()
        if self.size_of(digest) is None:
            stage = self.begin(digest, len(payload))
            try:
                stage.append(stage.held_bytes, payload[stage.held_bytes :])
                stage.commit()
            finally:
                stage.close()
        return digest

    def open(self, digest: str, offset: int = 0) -> tuple[BinaryIO, int]:
        """A committed blob for reading from `offset`, and its size; NotFoundError, or DocumentError past its end."""
        try:
            file = self._path(digest).open("rb")
        except FileNotFoundError:
            raise NotFoundError(f"artifact {digest[:12]}: not here; push it first") from None
        except OSError as error:
            raise StateError(f"artifact {digest[:12]}: cannot be read ({error.strerror})") from error
        size_bytes = os.fstat(file.fileno()).st_size
        if not 0 <= offset <= size_bytes:
            file.close()
            raise DocumentError(f"artifact {digest[:12]}: offset {offset} is past its {size_bytes} bytes")
        file.seek(offset)
        return file, size_bytes

    def chunks(self, digest: str, offset: int = 0) -> Iterator[bytes]:
        """The bytes of a committed blob from `offset`, in pieces of CHUNK_BYTES."""
        file, _ = self.open(digest, offset)
        with file:
            while chunk := file.read(CHUNK_BYTES):
                yield chunk

    def collect(self, age_max_s: float = STAGE_AGE_MAX_S) -> int:
        """Removes stages that nobody writes and that are older; how many."""
        removed, now_s = 0, time.time()
        for path in self._staging.iterdir():
            with self._lock:
                if path.name not in self._busy and now_s - path.stat().st_mtime > age_max_s:
                    path.unlink(missing_ok=True)
                    removed += 1
        return removed

    def _path(self, digest: str) -> Path:
        self._checked(digest)
        return self._root / digest[:2] / digest

    def _stage_path(self, digest: str) -> Path:
        return self._staging / self._checked(digest)

    @staticmethod
    def _checked(digest: str) -> str:
        try:
            return check_digest(digest)
        except ValueError as error:
            raise DocumentError(f"artifact: {error}") from error

    def _release(self, digest: str) -> None:
        with self._lock:
            self._busy.discard(digest)


class Stage:
    """One upload under way. Not acknowledged, not visible, until commit returns."""

    def __init__(self, store: BlobStore, digest: str, size_bytes: int, file: BinaryIO) -> None:
        self._store, self._digest, self._file = store, digest, file
        self.size_bytes = size_bytes
        self.held_bytes = file.tell()
        self._open = True

    def append(self, offset: int, data: bytes) -> None:
        """Adds bytes that follow those held; DocumentError for a gap or too many, StateError when the disk fails."""
        if offset != self.held_bytes:
            held = f"{self.held_bytes} bytes are held, not {offset}"
            raise DocumentError(f"artifact {self._digest[:12]}: {held}; go on from there", reason="OFFSET_MISMATCH")
        if offset + len(data) > self.size_bytes:
            raise DocumentError(f"artifact {self._digest[:12]}: more bytes than the {self.size_bytes} that were said")
        try:
            self._file.write(data)
            self._file.flush()
        except OSError as error:
            raise StateError(f"artifact {self._digest[:12]}: cannot be stored ({error.strerror})") from error
        self.held_bytes += len(data)

    def commit(self) -> None:
        """Makes the blob visible once size and digest agree; what does not agree is removed."""
        short = self._digest[:12]
        if self.held_bytes != self.size_bytes:
            self.close()
            raise DocumentError(
                f"artifact {short}: {self.held_bytes} of {self.size_bytes} bytes came; go on from there"
            )
        staged = self._store._stage_path(self._digest)
        target = self._store._path(self._digest)
        try:
            os.fsync(self._file.fileno())
            with staged.open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
            if found != self._digest:
                staged.unlink(missing_ok=True)
                raise DocumentError(f"artifact {short}: the bytes have digest {found[:12]}; send them again")
            target.parent.mkdir(exist_ok=True)
            staged.replace(target)
            for folder in (target.parent, target.parent.parent):
                _sync_folder(folder)
        except OSError as error:
            # After a failed fsync the pages count as clean: a second fsync would lie. So nothing of it is kept.
            staged.unlink(missing_ok=True)
            target.unlink(missing_ok=True)
            raise StateError(f"artifact {short}: cannot be stored ({error.strerror})") from error
        finally:
            self.close()

    def close(self) -> None:
        """Lets go; what is held stays for whoever goes on."""
        if self._open:
            self._open = False
            try:
                self._file.close()
            except OSError:
                # The disk is full and bytes were buffered: they are not counted as held.
                self._store._stage_path(self._digest).unlink(missing_ok=True)
            self._store._release(self._digest)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
