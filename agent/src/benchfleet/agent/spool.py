"""Results on disk until the controller has committed them: what was fsynced here is never lost.

A record is RUN.EPOCH.record: magic, length, sha256 of the payload, payload (JSON); its series lies beside it. Room for
results is reserved (disk.py); a series has none, and leaves before a result would.
"""

from __future__ import annotations

import errno
import hashlib
import json
import logging
import os
import shutil
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchfleet.agent.disk import FULL, DiskFullError, Reserve
from benchfleet.agent.incarnation import durable_write

log = logging.getLogger(__name__)

MAGIC = b"BFSP1\n"
_HEAD = struct.Struct("<Q32s")
WAITING_MAX = 256
"""Results that wait; with as many no attempt is begun. A session delivers each in a round trip: more means a fault."""
WAITING_BYTES_MAX = 64 * 1024**2
"""Of records that wait, likewise."""
SERIES_BYTES_MAX = 256 * 1024**2
"""Of series that wait: those of ten of the longest attempts."""
ASIDE_MAX = 32
ASIDE_BYTES_MAX = 16 * 1024**2
"""Of records kept for a reader because they are damaged or refused; the oldest leave."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One result that waits."""

    run_id: str
    epoch: int
    result_json: bytes
    outcome: str
    failure_reason: str
    incarnation: int
    series: Path | None

    @property
    def name(self) -> str:
        """Of its files."""
        return f"{self.run_id}.{self.epoch}"


class Spool:
    """A folder of records; one process uses it."""

    def __init__(self, folder: Path, reserve: Reserve | None = None) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._sweep()
        self.reserve = reserve or Reserve(folder)

    @property
    def full(self) -> bool:
        """Whether no attempt should be begun: its result would be one too many."""
        records = list(self._folder.glob("*.record"))
        return len(records) >= WAITING_MAX or _total_bytes(records) >= WAITING_BYTES_MAX

    def refuses(self, series: Path) -> str | None:
        """Why a series would not be kept beside its result; None when it would."""
        waiting_bytes = _total_bytes(self._folder.glob("*.series"))
        if waiting_bytes + series.stat().st_size <= SERIES_BYTES_MAX:
            return None
        return f"{waiting_bytes / 1e6:.0f} MB of series wait to be delivered, at most {SERIES_BYTES_MAX / 1e6:.0f} may"

    def put(self, entry: Entry) -> Entry:
        """Durable when it returns; the series is moved in first, and `series` is None when it found no room.

        DiskFullError when not even a result finds room: the disk is full, the reserve used, no series left to drop.
        """
        series = self._keep(entry, entry.series) if entry.series is not None else None
        payload = json.dumps(
            {
                "run_id": entry.run_id,
                "epoch": entry.epoch,
                "result_json": entry.result_json.decode("ascii"),
                "outcome": entry.outcome,
                "failure_reason": entry.failure_reason,
                "incarnation": entry.incarnation,
                "series": series.name if series else None,
            }
        ).encode()
        head = _HEAD.pack(len(payload), hashlib.sha256(payload).digest())
        self._write(self._folder / f"{entry.name}.record", MAGIC + head + payload)
        return self._entry(json.loads(payload))

    def entries(self) -> Iterator[Entry]:
        """Everything that waits, oldest first; a damaged record is set aside and holds up no other."""
        for path in _oldest_first(self._folder.glob("*.record")):
            payload = _payload(path.read_bytes())
            if payload is None:
                log.warning("spool event=damaged record=%s", path.stem)
                self._aside(path, ".damaged")
                continue
            yield self._entry(payload)

    def remove(self, entry: Entry) -> None:
        """After the controller's answer."""
        record = self._folder / f"{entry.name}.record"
        if not self.reserve.take_back(record):
            record.unlink(missing_ok=True)
        if entry.series is not None:
            entry.series.unlink(missing_ok=True)
        self.reserve.refill()

    def set_aside(self, entry: Entry) -> None:
        """Keeps a result that the controller refuses for good, where it is not sent again; its series is not kept."""
        self._aside(self._folder / f"{entry.name}.record", ".refused")
        if entry.series is not None:
            entry.series.unlink(missing_ok=True)
        self.reserve.refill()

    def _write(self, path: Path, record: bytes) -> None:
        try:
            return durable_write(path, record)
        except DiskFullError:
            if self.reserve.write(path, record):
                log.warning("spool event=disk_full record=%s reserve_left=%d", path.stem, self.reserve.slots)
                return None
        self.reserve.release()  # of use only to a record larger than one of its files
        for series in (None, *_oldest_first(self._folder.glob("*.series"))):
            if series is not None:
                log.warning("spool event=series_dropped series=%s why=disk_full", series.stem)
                series.unlink(missing_ok=True)
            try:
                return durable_write(path, record)
            except DiskFullError as error:
                full = error
        raise full

    def _keep(self, entry: Entry, series: Path) -> Path | None:
        """The series moved in, which takes no room on the same file system."""
        why = self.refuses(series)
        kept = self._folder / f"{entry.name}.series"
        if why is None:
            try:
                with series.open("rb") as file:
                    os.fsync(file.fileno())
                try:
                    series.replace(kept)
                except OSError as error:
                    if error.errno != errno.EXDEV:
                        raise
                    shutil.copyfile(series, kept)
                    with kept.open("rb") as file:
                        os.fsync(file.fileno())
            except OSError as error:
                kept.unlink(missing_ok=True)
                why = "disk_full" if error.errno in FULL else str(error.strerror)
        if why is not None:
            log.warning("spool event=series_dropped series=%s why=%r", entry.name, why)
        return kept if why is None else None

    def _aside(self, record: Path, suffix: str) -> None:
        kept = record.with_suffix(suffix)
        record.replace(kept)
        os.truncate(kept, min(kept.stat().st_size, _length(kept)))  # what was reserve is given back
        aside = _oldest_first((*self._folder.glob("*.damaged"), *self._folder.glob("*.refused")))
        while len(aside) > ASIDE_MAX or _total_bytes(aside) > ASIDE_BYTES_MAX:
            log.warning("spool event=aside_removed record=%s why=too_many", aside[0].name)
            aside.pop(0).unlink(missing_ok=True)

    def _sweep(self) -> None:
        """Removes what a kill in the middle of a put has left: no record speaks of it."""
        for path in (*self._folder.glob(".*.new"), *self._folder.glob("*.series")):
            if not path.with_suffix(".record").exists():
                path.unlink(missing_ok=True)

    def _entry(self, data: dict[str, Any]) -> Entry:
        series = self._folder / data["series"] if data["series"] else None
        return Entry(
            run_id=data["run_id"],
            epoch=data["epoch"],
            result_json=data["result_json"].encode("ascii"),
            outcome=data["outcome"],
            failure_reason=data["failure_reason"],
            incarnation=data["incarnation"],
            series=series if series is not None and series.exists() else None,
        )


def _payload(raw: bytes) -> dict[str, Any] | None:
    start = len(MAGIC) + _HEAD.size
    if not raw.startswith(MAGIC) or len(raw) < start:
        return None
    length, digest = _HEAD.unpack(raw[len(MAGIC) : start])
    payload = raw[start : start + length]
    if len(payload) != length or hashlib.sha256(payload).digest() != digest:
        return None
    data: dict[str, Any] = json.loads(payload)
    return data


def _length(path: Path) -> int:
    """Of the record in a file that may go on behind it; of the whole file where there is no record."""
    start = len(MAGIC) + _HEAD.size
    with path.open("rb") as file:
        head = file.read(start)
    if not head.startswith(MAGIC) or len(head) < start:
        return path.stat().st_size
    return start + int(_HEAD.unpack(head[len(MAGIC) :])[0])


def _total_bytes(paths: Iterable[Path]) -> int:
    return sum(path.stat().st_size for path in paths)


def _oldest_first(paths: Iterable[Path]) -> list[Path]:
    return sorted(paths, key=lambda path: path.stat().st_mtime_ns)
