"""Results on disk until the controller has committed them: what was fsynced here is never lost.

A record is RUN.EPOCH.record: magic, length, sha256 of the payload, payload (JSON); its series lies beside it.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchfleet.agent.incarnation import durable_write

MAGIC = b"BFSP1\n"
_HEAD = struct.Struct("<Q32s")


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


class Spool:
    """A folder of records."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def put(self, entry: Entry) -> Entry:
        """Durable when it returns; the series is copied in first."""
        name = f"{entry.run_id}.{entry.epoch}"
        series = None
        if entry.series is not None:
            series = self._folder / f"{name}.series"
            durable_write(series, entry.series.read_bytes())
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
        durable_write(self._folder / f"{name}.record", MAGIC + head + payload)
        return self._entry(json.loads(payload))

    def entries(self) -> Iterator[Entry]:
        """Everything that waits, oldest first; a damaged record is set aside and holds up no other."""
        for path in sorted(self._folder.glob("*.record"), key=lambda p: p.stat().st_mtime_ns):
            payload = _payload(path.read_bytes())
            if payload is None:
                path.rename(path.with_suffix(".damaged"))
                continue
            yield self._entry(payload)

    def remove(self, entry: Entry) -> None:
        """After the controller's answer."""
        (self._folder / f"{entry.run_id}.{entry.epoch}.record").unlink(missing_ok=True)
        if entry.series is not None:
            entry.series.unlink(missing_ok=True)

    def set_aside(self, entry: Entry) -> None:
        """Keeps a result that the controller refuses for good, where it is not sent again."""
        record = self._folder / f"{entry.run_id}.{entry.epoch}.record"
        record.replace(record.with_suffix(".refused"))

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
