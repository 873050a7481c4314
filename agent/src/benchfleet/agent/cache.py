"""Artifacts by digest, verified when they arrive and before each use, the least recently used leave first."""

from __future__ import annotations

import hashlib
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from benchfleet.core.runspec import Artifact

LIMIT_BYTES = 4 * 1024**3
Fetch = Callable[[str, int], AsyncIterator[bytes]]
"""(digest, offset) -> the bytes from there on."""


class CorruptError(Exception):
    """Bytes that are not what their digest says, twice in a row."""


class Cache:
    """A folder with one file per digest; what is being fetched ends in .part."""

    def __init__(self, folder: Path, limit_bytes: int = LIMIT_BYTES) -> None:
        self._folder, self._limit_bytes = folder, limit_bytes
        self._pinned: set[str] = set()
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    async def get(self, artifact: Artifact, fetch: Fetch) -> Path:
        """A verified file; fetched from the bytes held, and once more when they turn out wrong (CorruptError after)."""
        self._pinned.add(artifact.digest)
        path = self._folder / artifact.digest
        if path.exists():
            if _digest(path) == artifact.digest:
                os.utime(path)
                return path
            path.replace(path.with_suffix(".corrupt"))
        self._make_room(artifact.size_bytes)
        for _ in range(2):
            part = path.with_suffix(".part")
            await self._receive(artifact, part, fetch)
            if _digest(part) == artifact.digest:
                part.replace(path)
                return path
            part.unlink(missing_ok=True)
        raise CorruptError(f"artifact {artifact.digest[:12]} arrives damaged; push it again")

    def release(self) -> None:
        """Lets go of what `get` gave: until then it is not removed, whatever else needs room."""
        self._pinned.clear()

    async def _receive(self, artifact: Artifact, part: Path, fetch: Fetch) -> None:
        held = part.stat().st_size if part.exists() else 0
        if held > artifact.size_bytes:
            part.unlink()
            held = 0
        with part.open("ab") as file:
            if held < artifact.size_bytes:
                async for chunk in fetch(artifact.digest, held):
                    file.write(chunk)
            file.flush()
            os.fsync(file.fileno())

    def _make_room(self, size_bytes: int) -> None:
        held = sorted(
            (p for p in self._folder.iterdir() if p.is_file() and p.stem not in self._pinned),
            key=lambda p: p.stat().st_mtime,
        )
        total = sum(p.stat().st_size for p in self._folder.iterdir() if p.is_file())
        for path in held:
            if total + size_bytes <= self._limit_bytes:
                return
            total -= path.stat().st_size
            path.unlink()


def _digest(path: Path) -> str:
    sha = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            sha.update(chunk)
    return sha.hexdigest()
