"""The raw series of an attempt as one blob: a zip of little-endian int64 nanoseconds with a manifest.

Schema history
    1  lanes and rounds
    2  what the sensors said (raw_telemetry.py)
"""

from __future__ import annotations

import json
import zipfile
from array import array
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

SCHEMA = 2
_STAMP = (2026, 1, 1, 0, 0, 0)
"""Fixed, so that equal series are equal bytes."""


def pack(
    path: Path,
    lanes: Mapping[str, bytes],
    rounds: Mapping[str, Sequence[Sequence[int]]],
    further: Mapping[str, bytes] | None = None,
    **known: Any,
) -> Path:
    """Writes LANE/LAUNCH/NAME.i64 per series and manifest.json; a round is [launch, index, calls, start, end].

    wall_ns is in every scenario; what else there is (scheduled_ns, lag_ns, ...) docs/scenarios.md says. `further` are
    files by name, `known` entries of the manifest.
    """
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        fields = ["launch", "index", "calls", "start_ns", "end_ns"]
        manifest = {"schema": SCHEMA, "round_fields": fields, "rounds": rounds, **known}
        archive.writestr(zipfile.ZipInfo("manifest.json", _STAMP), json.dumps(manifest), zipfile.ZIP_DEFLATED)
        for name, held in lanes.items():
            info = zipfile.ZipInfo(f"{name}.i64", _STAMP)
            archive.writestr(info, held, zipfile.ZIP_DEFLATED)
        for name, held in (further or {}).items():
            archive.writestr(zipfile.ZipInfo(name, _STAMP), held, zipfile.ZIP_DEFLATED)
    return path


def unpack(path: Path, lane: str = "model", name: str = "wall_ns") -> list[int]:
    """All nanoseconds of one series of one lane, launch after launch."""
    found = array("q")
    with zipfile.ZipFile(path) as archive:
        held = [n for n in archive.namelist() if n.startswith(f"{lane}/") and n.endswith(f"/{name}.i64")]
        for each in sorted(held, key=lambda n: int(n.split("/")[1])):
            found.frombytes(archive.read(each))
    return list(found)
