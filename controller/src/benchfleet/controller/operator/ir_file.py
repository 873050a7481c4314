"""An OpenVINO IR as the one file that a fleet carries: a zip of .xml and .bin, stored, the same bytes each time."""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchfleet.core.errors import DocumentError
from benchfleet.core.formats import HEAD_BYTES, PACKED_IR, format_of

_STAMP = (2026, 1, 1, 0, 0, 0)


@contextmanager
def one_file(path: Path) -> Iterator[Path]:
    """`path`, or for the .xml of an IR a file of both parts that is gone afterwards."""
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if format_of(head) != "openvino_ir" or head[:2] == b"PK":
        yield path
        return
    weights = path.with_suffix(".bin")
    if not weights.is_file():
        raise DocumentError(f"{path}: an IR is two files, and {weights.name} is not beside it; copy both")
    with tempfile.TemporaryDirectory(prefix="benchfleet-push-") as folder:
        packed = Path(folder) / path.name
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
            for name, part in zip(PACKED_IR, (path, weights), strict=True):
                info = zipfile.ZipInfo(name, _STAMP)
                info.file_size = part.stat().st_size
                with part.open("rb") as source, archive.open(info, "w") as target:
                    shutil.copyfileobj(source, target, 1024 * 1024)
        yield packed
