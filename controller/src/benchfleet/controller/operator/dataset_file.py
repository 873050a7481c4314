"""What a data set file says, from its zip directory and array headers alone: nothing is unpickled or unpacked whole."""

from __future__ import annotations

import ast
import json
import struct
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

from benchfleet.controller.client.local_file import regular_file
from benchfleet.core.errors import DocumentError

MEMBERS_MAX = 64
ABOUT_BYTES_MAX = 1024 * 1024
HEADER_BYTES_MAX = 64 * 1024
HOW = "a data set is an .npz with the array x, labels, and dataset.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetFacts:
    """Of one file; all arrays have `sample_count` rows."""

    task: str
    sample_count: int


def read_dataset(path: Path) -> DatasetFacts:
    """The facts of a data set file; DocumentError when it is none."""
    regular_file(path, "data set")
    try:
        with zipfile.ZipFile(path) as archive:
            return _facts(archive)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise DocumentError(f"data set {path}: {why}; {HOW}") from error


def _facts(archive: zipfile.ZipFile) -> DatasetFacts:
    members = archive.infolist()
    if len(members) > MEMBERS_MAX:
        raise ValueError(f"{len(members)} members are more than {MEMBERS_MAX}")
    arrays = {}
    for member in members:
        if member.filename.endswith(".npy"):
            with archive.open(member) as stream:
                arrays[member.filename.removesuffix(".npy")] = _shape(stream.read(HEADER_BYTES_MAX), member.filename)
        elif member.filename != "dataset.json":
            raise ValueError(f"member {member.filename[:80]!r} is no array")
    inputs = [name for name in arrays if name != "labels"]
    if not inputs:
        raise ValueError("it has no input array")
    lengths = {shape[0] if shape else 0 for shape in arrays.values()}
    if len(lengths) != 1 or 0 in lengths:
        raise ValueError(f"its arrays have the lengths {sorted(lengths)}, and should have one that is not 0")
    with archive.open("dataset.json") as stream:
        about = json.loads(stream.read(ABOUT_BYTES_MAX))
    if not isinstance(about, dict) or about.get("schema") != 1 or not isinstance(about.get("task"), str):
        raise ValueError('dataset.json needs "schema": 1 and a "task"')
    return DatasetFacts(task=about["task"], sample_count=lengths.pop())


def _shape(head: bytes, name: str) -> tuple[int, ...]:
    """The shape in a .npy header (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html)."""
    if head[:6] != b"\x93NUMPY" or len(head) < 12:
        raise ValueError(f"{name[:80]} is not a numpy array")
    wide = head[6] > 1
    (length,) = struct.unpack_from("<I" if wide else "<H", head, 8)
    start = 12 if wide else 10
    try:
        header = ast.literal_eval(head[start : start + length].decode("latin-1"))
        shape, kind = header["shape"], str(header["descr"])
    except (SyntaxError, TypeError, KeyError, MemoryError, RecursionError) as error:
        raise ValueError(f"{name[:80]} has a broken header") from error
    if "O" in kind:
        raise ValueError(f"{name[:80]} holds Python objects, which are code; store numbers")
    if not isinstance(shape, tuple) or not all(isinstance(size, int) and size >= 0 for size in shape):
        raise ValueError(f"{name[:80]} has a broken shape")
    return shape
