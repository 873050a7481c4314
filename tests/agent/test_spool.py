"""What was put in the spool comes out, whatever happened to its neighbours."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from benchfleet.agent import spool as module
from benchfleet.agent.disk import SLOT_BYTES, SLOTS
from benchfleet.agent.spool import Entry, Spool


def entry(run_id: str = "run-1", series: Path | None = None) -> Entry:
    return Entry(
        run_id=run_id,
        epoch=1,
        result_json=b'{"schema":1}',
        outcome="ok",
        failure_reason="",
        incarnation=3,
        series=series,
    )


@pytest.mark.parametrize("damage", [lambda b: b[:-1], lambda b: b[:-1] + b"?", lambda b: b"", lambda b: b"\0" * len(b)])
def test_a_damaged_record_is_set_aside_and_blocks_no_other(tmp_path: Path, damage) -> None:  # type: ignore[no-untyped-def]
    spool = Spool(tmp_path)
    spool.put(entry("run-1"))
    spool.put(entry("run-2"))
    record = tmp_path / "run-1.1.record"
    record.write_bytes(damage(record.read_bytes()))
    assert [e.run_id for e in spool.entries()] == ["run-2"]
    assert (tmp_path / "run-1.1.damaged").exists()


def test_a_result_is_there_for_the_next_start_with_its_series(tmp_path: Path) -> None:
    series = tmp_path / "series.zip"
    series.write_bytes(b"raw")
    Spool(tmp_path / "spool").put(entry(series=series))
    (found,) = Spool(tmp_path / "spool").entries()
    assert found.result_json == entry().result_json
    assert found.series is not None
    assert found.series.read_bytes() == b"raw"


def test_removal_leaves_nothing_behind(tmp_path: Path) -> None:
    series = tmp_path / "series.zip"
    series.write_bytes(b"raw")
    spool = Spool(tmp_path / "spool")
    spool.remove(spool.put(entry(series=series)))
    assert {path.stem for path in (tmp_path / "spool").iterdir()} == {"reserve"}


def test_a_result_refused_for_good_is_kept_and_not_sent_again(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.set_aside(spool.put(entry()))
    assert list(spool.entries()) == []
    assert entry().result_json[:9] in (tmp_path / "run-1.1.refused").read_bytes().replace(b"\\", b"")


def series_of(folder: Path, size_bytes: int) -> Path:
    path = folder / "series.zip"
    path.write_bytes(b"s" * size_bytes)
    return path


def test_the_reserve_has_its_room_on_the_disk_from_the_start(tmp_path: Path) -> None:
    Spool(tmp_path)
    held = [path.stat() for path in tmp_path.glob("reserve.*")]
    assert len(held) == SLOTS
    assert all(found.st_blocks * 512 >= SLOT_BYTES for found in held)


def test_a_result_in_the_reserve_is_read_as_any_other_and_gives_its_room_back(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.put(entry("run-1"))
    record = tmp_path / "run-1.1.record"
    payload = record.read_bytes()
    assert spool.reserve.write(record, payload)
    assert spool.reserve.slots == SLOTS - 1
    (found,) = spool.entries()
    assert found.result_json == entry().result_json
    with record.open("rb") as same_file:
        spool.remove(found)
        assert os.fstat(same_file.fileno()).st_nlink == 1  # its blocks are reserve again, and were never let go of
    assert spool.reserve.slots == SLOTS
    assert list(spool.entries()) == []


def test_what_the_reserve_held_before_is_no_part_of_the_next_result(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    for run_id, text in (("run-1", b'{"schema":1,"long":"' + b"x" * 500 + b'"}'), ("run-2", b'{"schema":1}')):
        made = spool.put(replace(entry(run_id), result_json=text))
        record = tmp_path / f"{run_id}.1.record"
        assert spool.reserve.write(record, record.read_bytes())
        (found,) = spool.entries()
        assert found.result_json == text
        spool.remove(made)


def test_series_that_wait_are_bounded_and_the_result_is_kept_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SERIES_BYTES_MAX", 100)
    spool = Spool(tmp_path / "spool")
    assert spool.put(entry("run-1", series_of(tmp_path, 80))).series is not None
    second = series_of(tmp_path, 21)
    assert "wait to be delivered" in str(spool.refuses(second))
    assert spool.put(entry("run-2", second)).series is None
    assert [(e.run_id, e.series is None) for e in spool.entries()] == [("run-1", False), ("run-2", True)]


def test_no_attempt_is_begun_when_too_many_results_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WAITING_MAX", 2)
    spool = Spool(tmp_path)
    spool.put(entry("run-1"))
    assert not spool.full
    last = spool.put(entry("run-2"))
    assert spool.full
    spool.remove(last)
    assert not spool.full


def test_refused_results_are_bounded_and_the_oldest_leave(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ASIDE_MAX", 3)
    spool = Spool(tmp_path / "spool")
    for number in range(5):
        spool.set_aside(spool.put(entry(f"run-{number}", series_of(tmp_path, 10))))
    kept = sorted(path.name for path in (tmp_path / "spool").glob("run-*"))
    assert kept == ["run-2.1.refused", "run-3.1.refused", "run-4.1.refused"]


def test_a_refused_result_keeps_no_reserve(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    made = spool.put(entry())
    record = tmp_path / "run-1.1.record"
    size_bytes = record.stat().st_size
    spool.reserve.write(record, record.read_bytes())
    spool.set_aside(made)
    assert (tmp_path / "run-1.1.refused").stat().st_size == size_bytes
    assert spool.reserve.slots == SLOTS


def test_what_a_kill_left_in_the_middle_of_a_put_is_gone_after_the_next_start(tmp_path: Path) -> None:
    kept = Spool(tmp_path).put(entry(series=series_of(tmp_path.parent, 5)))
    (tmp_path / "run-9.1.series").write_bytes(b"of no record")
    (tmp_path / ".run-9.1.record.new").write_bytes(b"half")
    assert [e.series for e in Spool(tmp_path).entries()] == [kept.series]
    assert not list(tmp_path.glob("*run-9*"))
    assert not list(tmp_path.glob(".run-9*"))
