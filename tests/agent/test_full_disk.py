"""A disk that something else has filled, really full: a small tmpfs, mounted by root for the length of a test."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from benchfleet.agent import incarnation
from benchfleet.agent.cache import Cache
from benchfleet.agent.disk import SLOT_BYTES, SLOTS, DiskFullError, free_bytes
from benchfleet.agent.spool import Entry, Spool
from benchfleet.core.runspec import Artifact

pytestmark = pytest.mark.debian

DISK_BYTES = 16 * 1024**2


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", folder], check=True)
    yield folder
    subprocess.run(["umount", folder], check=True)


def fill(disk: Path) -> Path:
    """Takes every byte that is left."""
    path = disk / f"somebody-else-{len(list(disk.iterdir()))}"
    with path.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"x" * 4096)
    assert free_bytes(disk) == 0
    return path


def entry(number: int, *, size_bytes: int = 1000, series: Path | None = None) -> Entry:
    return Entry(
        run_id=f"run-{number}",
        epoch=1,
        result_json=b'"' + b"r" * size_bytes + b'"',
        outcome="ok",
        failure_reason="",
        incarnation=1,
        series=series,
    )


def waiting(disk: Path) -> list[str]:
    """What the next start of the agent finds."""
    return [found.run_id for found in Spool(disk / "spool").entries()]


def test_results_fit_on_a_full_disk_and_its_room_comes_back_when_they_are_delivered(disk: Path) -> None:
    spool = Spool(disk / "spool")
    fill(disk)
    for round_of in range(3):  # more results than the reserve has files, over time
        for number in range(SLOTS):
            spool.put(entry(10 * round_of + number))
            assert free_bytes(disk) == 0  # somebody else would take what is let go of
        assert waiting(disk) == [f"run-{10 * round_of + number}" for number in range(SLOTS)]
        for found in list(spool.entries()):
            assert found.result_json == entry(0).result_json
            spool.remove(found)
        assert spool.reserve.slots == SLOTS


def test_a_series_already_on_the_disk_is_kept_with_its_result(disk: Path) -> None:
    spool = Spool(disk / "spool")
    series = disk / "series.zip"
    series.write_bytes(b"s" * 100_000)
    fill(disk)
    made = spool.put(entry(1, series=series))
    assert made.series is not None
    assert made.series.read_bytes() == b"s" * 100_000


def test_a_series_on_another_disk_is_dropped_and_the_result_is_kept(disk: Path, tmp_path: Path) -> None:
    spool = Spool(disk / "spool")
    series = tmp_path / "series.zip"
    series.write_bytes(b"s" * 100_000)
    fill(disk)
    assert spool.put(entry(1, series=series)).series is None
    assert waiting(disk) == ["run-1"]


def test_series_that_wait_leave_before_a_result_finds_no_room(disk: Path) -> None:
    spool = Spool(disk / "spool")
    for number in range(2):
        series = disk / "series.zip"
        series.write_bytes(b"s" * 100_000)
        spool.put(entry(number, series=series))
    fill(disk)
    for number in range(2, 2 + SLOTS):
        spool.put(entry(number))
    assert [found.series is not None for found in spool.entries()][:2] == [True, True]
    spool.put(entry(100))
    assert "run-100" in waiting(disk)
    assert [found.series is not None for found in spool.entries()][:2] == [False, True]


def test_a_result_larger_than_a_file_of_the_reserve_gets_several(disk: Path) -> None:
    spool = Spool(disk / "spool")
    fill(disk)
    spool.put(entry(1, size_bytes=3 * SLOT_BYTES))
    assert waiting(disk) == ["run-1"]


def test_when_nothing_is_left_the_last_result_fails_and_no_other_is_harmed(disk: Path) -> None:
    spool = Spool(disk / "spool")
    fill(disk)
    for number in range(SLOTS):
        spool.put(entry(number, size_bytes=SLOT_BYTES // 2))
    with pytest.raises(DiskFullError, match="free space on the disk"):
        spool.put(entry(SLOTS, size_bytes=SLOT_BYTES // 2))
    assert waiting(disk) == [f"run-{number}" for number in range(SLOTS)]


def test_the_reserve_is_made_anew_once_there_is_room(disk: Path) -> None:
    other = disk / "other"
    other.mkdir()
    filled = fill(disk)
    spool = Spool(disk / "spool")
    assert spool.reserve.slots == 0
    filled.unlink()
    spool.remove(spool.put(entry(1)))
    assert spool.reserve.slots == SLOTS


def test_an_agent_starts_on_a_full_disk_to_deliver_what_waits(disk: Path) -> None:
    os.close(incarnation.begin(disk).lock)
    Spool(disk / "spool").put(entry(1))
    fill(disk)
    second = incarnation.begin(disk)
    assert second.incarnation == 2
    os.close(second.lock)
    assert waiting(disk) == ["run-1"]


def test_a_full_disk_without_a_reserve_is_one_clear_refusal_to_start(disk: Path) -> None:
    os.close(incarnation.begin(disk).lock)
    fill(disk)
    with pytest.raises(DiskFullError, match="free space on the disk"):
        incarnation.begin(disk)
    assert (disk / "incarnation").read_text() == "1"


async def test_an_artifact_that_fills_the_disk_leaves_nothing_of_itself(disk: Path) -> None:
    async def fetch(digest: str, offset: int) -> AsyncIterator[bytes]:
        for _ in range(2 * DISK_BYTES // 65536):
            yield b"a" * 65536

    cache = Cache(disk / "cache")
    with pytest.raises(OSError, match="No space left"):
        await cache.get(Artifact(digest="0" * 64, size_bytes=2 * DISK_BYTES), fetch)
    assert list((disk / "cache").iterdir()) == []
    assert free_bytes(disk) > DISK_BYTES // 2
