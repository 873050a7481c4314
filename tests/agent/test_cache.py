"""Bytes are used only when they have their digest, and fetched only from where they stop."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from benchfleet.agent.cache import Cache, CorruptError
from benchfleet.core.runspec import Artifact

DATA = bytes(range(256)) * 8
ARTIFACT = Artifact(digest=hashlib.sha256(DATA).hexdigest(), size_bytes=len(DATA))


class Source:
    """A controller's bytes; the first fetch may be cut, or all of them be wrong."""

    def __init__(self, *, cut_after: int | None = None, data: bytes = DATA) -> None:
        self.offsets: list[int] = []
        self._cut_after, self._data = cut_after, data

    async def fetch(self, digest: str, offset: int) -> AsyncIterator[bytes]:
        self.offsets.append(offset)
        if self._cut_after is not None:
            end, self._cut_after = self._cut_after, None
            yield self._data[offset:end]
            raise ConnectionError("cut")
        yield self._data[offset:]


async def test_wrong_bytes_are_fetched_once_more_and_then_refused(tmp_path: Path) -> None:
    source = Source(data=b"x" * len(DATA))
    with pytest.raises(CorruptError):
        await Cache(tmp_path).get(ARTIFACT, source.fetch)
    assert len(source.offsets) == 2
    assert not (tmp_path / ARTIFACT.digest).exists()


async def test_a_fetch_that_was_cut_goes_on_from_the_bytes_held(tmp_path: Path) -> None:
    source = Source(cut_after=700)
    with pytest.raises(ConnectionError):
        await Cache(tmp_path).get(ARTIFACT, source.fetch)
    path = await Cache(tmp_path).get(ARTIFACT, source.fetch)
    assert path.read_bytes() == DATA
    assert source.offsets == [0, 700]


async def test_an_artifact_damaged_at_rest_is_set_aside_and_fetched_again(tmp_path: Path) -> None:
    source = Source()
    path = await Cache(tmp_path).get(ARTIFACT, source.fetch)
    path.write_bytes(b"y" * len(DATA))
    assert (await Cache(tmp_path).get(ARTIFACT, source.fetch)).read_bytes() == DATA
    assert source.offsets == [0, 0]


async def test_a_held_artifact_is_not_fetched(tmp_path: Path) -> None:
    source = Source()
    await Cache(tmp_path).get(ARTIFACT, source.fetch)
    await Cache(tmp_path).get(ARTIFACT, source.fetch)
    assert source.offsets == [0]


async def test_what_is_in_use_is_not_removed_to_make_room(tmp_path: Path) -> None:
    cache, other = Cache(tmp_path, limit_bytes=len(DATA) + 10), b"z" * len(DATA)
    second = Artifact(digest=hashlib.sha256(other).hexdigest(), size_bytes=len(other))
    first = await cache.get(ARTIFACT, Source().fetch)
    await cache.get(second, Source(data=other).fetch)
    assert first.exists()
    cache.release()
    third = Artifact(digest=hashlib.sha256(b"1").hexdigest(), size_bytes=1)
    await cache.get(third, Source(data=b"1").fetch)
    assert not first.exists()


def second(size_bytes: int = 100) -> tuple[Artifact, bytes]:
    data = b"z" * size_bytes
    return Artifact(digest=hashlib.sha256(data).hexdigest(), size_bytes=size_bytes), data


async def test_what_has_yet_to_be_fetched_is_counted_without_what_is_held(tmp_path: Path) -> None:
    cache, (other, data) = Cache(tmp_path), second()
    assert cache.missing_bytes([ARTIFACT, ARTIFACT, other]) == len(DATA) + 100
    await cache.get(other, Source(data=data).fetch)
    with pytest.raises(ConnectionError):
        await cache.get(ARTIFACT, Source(cut_after=700).fetch)
    assert cache.missing_bytes([ARTIFACT, other]) == len(DATA) - 700


async def test_only_what_is_not_asked_for_leaves_to_free_the_disk(tmp_path: Path) -> None:
    other, data = second()
    room = {"free": 10}

    def free(folder: Path) -> int:
        return room["free"] + (0 if (folder / other.digest).exists() else 100)

    cache = Cache(tmp_path, free=free)
    await cache.get(other, Source(data=data).fetch)
    wanted = await cache.get(ARTIFACT, Source().fetch)
    cache.release()
    assert cache.free_up(10, [ARTIFACT]) == 10
    assert (tmp_path / other.digest).exists()
    assert cache.free_up(50, [ARTIFACT]) == 110
    assert not (tmp_path / other.digest).exists()
    assert cache.free_up(500, [ARTIFACT]) == 110
    assert wanted.exists()
