"""What was put in the spool comes out, whatever happened to its neighbours."""

from __future__ import annotations

from pathlib import Path

import pytest

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
    assert list((tmp_path / "spool").iterdir()) == []


def test_a_result_refused_for_good_is_kept_and_not_sent_again(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.set_aside(spool.put(entry()))
    assert list(spool.entries()) == []
    assert entry().result_json[:9] in (tmp_path / "run-1.1.refused").read_bytes().replace(b"\\", b"")
