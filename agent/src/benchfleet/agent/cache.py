"""Artifacts by digest, verified when they arrive and before each use, the least recently used leave first."""

from __future__ import annotations

import hashlib
import os
from collections.abc import AsyncIterator, Callable, Iterable
from pathlib import Path

from benchfleet.agent.disk import FULL, free_bytes
from benchfleet.core.runspec import Artifact

LIMIT_BYTES = 4 * 1024**3
Fetch = Callable[[str, int], AsyncIterator[bytes]]
"""(digest, offset) -> the bytes from there on."""


class CorruptError(Exception):
    """Bytes that are not what their digest says, twice in a row."""


class Cache:
    """A folder with one file per digest; what is being fetched ends in .part."""

    def __init__(
        self, folder: Path, limit_bytes: int = LIMIT_BYTES, *, free: Callable[[Path], int] = free_bytes
    ) -> None:
        self._folder, self._limit_bytes, self._free = folder, limit_bytes, free
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

    def missing_bytes(self, artifacts: Iterable[Artifact]) -> int:
        """What has yet to be fetched of these; the digests are not verified."""
        return sum(
            artifact.size_bytes - self._held_bytes(artifact)
            for artifact in {artifact.digest: artifact for artifact in artifacts}.values()
        )

    def free_up(self, needed_bytes: int, artifacts: Iterable[Artifact]) -> int:
        """Free bytes of the disk, after others than these artifacts have left for as long as fewer are free."""
        wanted = {artifact.digest for artifact in artifacts}
        for path in self._leaving(wanted):
            if self._free(self._folder) >= needed_bytes:
                break
            path.unlink()
        return self._free(self._folder)

    def release(self) -> None:
        """Lets go of what `get` gave: until then it is not removed, whatever else needs room."""
        self._pinned.clear()

    async def _receive(self, artifact: Artifact, part: Path, fetch: Fetch) -> None:
        held = part.stat().st_size if part.exists() else 0
        if held > artifact.size_bytes:
            part.unlink()
            held = 0
        try:
            with part.open("ab") as file:
                if held < artifact.size_bytes:
                    async for chunk in fetch(artifact.digest, held):
                        file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            if error.errno in FULL:  # kept, it would fill the disk for all others
                part.unlink(missing_ok=True)
            raise

    def _held_bytes(self, artifact: Artifact) -> int:
        path = self._folder / artifact.digest
        for each in (path, path.with_suffix(".part")):
            if each.exists():
                return min(artifact.size_bytes, each.stat().st_size)
        return 0

    def _leaving(self, wanted: set[str]) -> list[Path]:
        """What may be removed, the least recently used first."""
        kept = self._pinned | wanted
        held = (path for path in self._folder.iterdir() if path.is_file() and path.stem not in kept)
        return sorted(held, key=lambda path: path.stat().st_mtime)

    def _make_room(self, size_bytes: int) -> None:
        total = sum(p.stat().st_size for p in self._folder.iterdir() if p.is_file())
        for path in self._leaving(set()):
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
