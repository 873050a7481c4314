"""A data set file without trusting it: an .npz (a zip of .npy arrays and JSON members), read by its directory.

Nothing is unpickled; nothing is unpacked by the name it gives itself; sizes are bounded before a byte is unpacked.
https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
"""

from __future__ import annotations

import array
import ast
import json
import math
import os
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

MEMBERS_MAX = 64
HEADER_BYTES_MAX = 64 * 1024
JSON_BYTES_MAX = 512 * 1024**2
"""Annotations of a large detection set are some hundred MB; they are read in a process that ends."""
ARRAY_BYTES_MAX = 2 * 1024**3
"""Of one array: what a runner on a small board can still map."""
TOTAL_BYTES_MAX = 8 * 1024**3
"""Of all members unpacked, as the directory states them: what the controller stores of one artifact."""
RATIO_MAX = 1100
"""Of unpacked to packed bytes: deflate reaches 1032, so a directory that claims more lies."""
MEMBER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:-]{0,120}\.(npy|json)")
CHUNK_BYTES = 1024 * 1024

CODES = {
    "f4": "float32", "f8": "float64", "f2": "float16", "i1": "int8", "u1": "uint8", "i2": "int16", "u2": "uint16",
    "i4": "int32", "u4": "uint32", "i8": "int64", "u8": "uint64", "b1": "bool",
}  # fmt: skip
ITEMS = {
    "float32": "f", "float64": "d", "float16": "e", "int8": "b", "uint8": "B", "int16": "h", "uint16": "H",
    "int32": "i", "uint32": "I", "int64": "q", "uint64": "Q", "bool": "?",
}  # fmt: skip

BROKEN = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError)
"""What reading a hostile zip can raise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """Of one array: where its numbers start in the member, and what they are."""

    dtype: str
    shape: tuple[int, ...]
    start: int

    @property
    def data_bytes(self) -> int:
        """Bytes of the numbers."""
        return math.prod(self.shape) * struct.calcsize("<" + ITEMS[self.dtype])


class Archive:
    """The members of a data set file, by name; ValueError (one line) for whatever is not as it should be."""

    def __init__(self, path: Path) -> None:
        self._zip = zipfile.ZipFile(path)
        self.names = [member.filename for member in self._zip.infolist()]

    def __enter__(self) -> Archive:
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()

    def faults(self) -> Iterator[str]:
        """What is wrong with the directory, before any member is unpacked."""
        members = self._zip.infolist()
        if len(members) > MEMBERS_MAX:
            yield f"{len(members)} members are more than {MEMBERS_MAX}"
            return
        for name in sorted({m.filename for m in members if self.names.count(m.filename) > 1}):
            yield f"member {name[:80]!r} is there twice"
        for member in members:
            name, size = member.filename[:80], member.file_size
            if not MEMBER.fullmatch(member.filename) or ".." in member.filename:
                yield f"member {name!r} is no array (NAME.npy) or JSON member at the top of the file"
            elif member.flag_bits & 1:
                yield f"member {name!r} is encrypted"
            elif size > (JSON_BYTES_MAX if name.endswith(".json") else ARRAY_BYTES_MAX + HEADER_BYTES_MAX):
                yield f"member {name!r} unpacks to {size:,} bytes, which is more than is read"
            elif size > RATIO_MAX * max(1, member.compress_size):
                yield f"member {name!r} claims to unpack to {size / max(1, member.compress_size):,.0f} times its size"
        total = sum(m.file_size for m in members)
        if total > TOTAL_BYTES_MAX:
            yield f"its members unpack to {total:,} bytes, which is more than {TOTAL_BYTES_MAX:,}"

    def json(self, name: str) -> Any:
        """A JSON member."""
        with self._zip.open(name) as stream:
            raw = stream.read(JSON_BYTES_MAX + 1)
        if len(raw) > JSON_BYTES_MAX:
            raise ValueError(f"{name} is larger than its directory says")
        try:
            return json.loads(raw, object_pairs_hook=_unique)
        except RecursionError as error:
            raise ValueError(f"{name} is nested too deeply") from error
        except ValueError as error:
            raise ValueError(f"{name} is not JSON ({error})") from error

    def header(self, name: str) -> Header:
        """The header of an array, checked against the size of its member."""
        member = f"{name}.npy"
        with self._zip.open(member) as stream:
            found = read_header(stream.read(HEADER_BYTES_MAX), member)
        size = self._zip.getinfo(member).file_size
        if found.start + found.data_bytes != size:
            raise ValueError(f"{member} holds {size - found.start} bytes, its header needs {found.data_bytes}")
        return found

    def chunks(self, name: str, header: Header) -> Iterator[bytes]:
        """The numbers of an array in pieces of whole items."""
        with self._zip.open(f"{name}.npy") as stream:
            _skip(stream, header.start)
            left = header.data_bytes
            while left:
                piece = stream.read(min(CHUNK_BYTES, left))
                if not piece:
                    raise ValueError(f"{name}.npy is cut short")
                whole = piece if len(piece) == min(CHUNK_BYTES, left) else piece + stream.read(-len(piece) % 8)
                left -= len(whole)
                yield whole

    def whole_numbers(self, name: str, header: Header) -> list[int]:
        """All elements of an array of integers."""
        found: list[int] = []
        for piece in self.chunks(name, header):
            found.extend(memoryview(piece).cast(ITEMS[header.dtype]))  # type: ignore[call-overload]
        return found


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        twice = next(key for i, (key, _) in enumerate(pairs) if key in [k for k, _ in pairs[:i]])
        raise ValueError(f"the key {twice[:60]!r} is there twice")
    return found


def _skip(stream: IO[bytes], count: int) -> None:
    while count:
        piece = stream.read(min(CHUNK_BYTES, count))
        if not piece:
            raise ValueError("an array is cut short")
        count -= len(piece)


def read_header(head: bytes, member: str) -> Header:
    """The header at the start of a .npy member."""
    name = member[:80]
    if head[:6] != b"\x93NUMPY" or len(head) < 12:
        raise ValueError(f"{name} is not a numpy array")
    wide = head[6] > 1
    (length,) = struct.unpack_from("<I" if wide else "<H", head, 8)
    start = 12 if wide else 10
    try:
        header = ast.literal_eval(head[start : start + length].decode("latin-1"))
        shape, kind, fortran = header["shape"], str(header["descr"]), header["fortran_order"]
    except (SyntaxError, TypeError, KeyError, ValueError, MemoryError, RecursionError) as error:
        raise ValueError(f"{name} has a broken header") from error
    if "O" in kind:
        raise ValueError(f"{name} holds Python objects, which are code; store numbers")
    if not isinstance(shape, tuple) or not all(type(size) is int and 0 <= size < 2**40 for size in shape):
        raise ValueError(f"{name} has a broken shape")
    if fortran or kind[:1] not in ("<", "|") or kind[1:] not in CODES:
        order = " in Fortran order; numpy.ascontiguousarray mends that" if fortran else ""
        raise ValueError(f"{name} needs plain little-endian numbers in C order, not {kind[:40]}{order}")
    found = Header(dtype=CODES[kind[1:]], shape=shape, start=start + length)
    if found.data_bytes > ARRAY_BYTES_MAX:
        raise ValueError(f"{name} holds {found.data_bytes:,} bytes, which is more than is read")
    return found


def odd_numbers(piece: bytes, dtype: str) -> int:
    """How many NaN and infinities are in a piece of an array of floats."""
    numpy = _numpy()
    if numpy is not None:
        return int((~numpy.isfinite(numpy.frombuffer(piece, dtype))).sum())
    if dtype == "float16":
        return sum(not math.isfinite(v) for (v,) in struct.iter_unpack("<e", piece))
    held = array.array(ITEMS[dtype], piece)
    return 0 if math.isfinite(sum(map(abs, held))) else sum(not math.isfinite(v) for v in held)


def extremes(piece: bytes, dtype: str) -> tuple[float, float]:
    """The smallest and the largest number in a piece of an array."""
    numpy = _numpy()
    if numpy is not None:
        held = numpy.frombuffer(piece, dtype)
        return float(held.min()), float(held.max())
    numbers = (
        [v for (v,) in struct.iter_unpack("<e", piece)] if dtype == "float16" else memoryview(piece).cast(ITEMS[dtype])  # type: ignore[call-overload]
    )
    return min(numbers), max(numbers)


def _numpy() -> Any:
    """The library where it is installed: a large data set is then looked through in seconds."""
    try:
        import numpy
    except ImportError:
        return None
    return numpy


def pack(folder: Path, target: Path) -> None:
    """A folder of NAME.npy and JSON files as one .npz, the same bytes each time; ValueError for anything else in it."""
    entries = sorted(os.scandir(folder), key=lambda e: e.name)
    if not entries:
        raise ValueError("the folder is empty")
    for entry in entries:
        if not MEMBER.fullmatch(entry.name) or not entry.is_file(follow_symlinks=False):
            raise ValueError(f"{entry.name[:80]!r} is no array (NAME.npy) or JSON file; leave only these in the folder")
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for entry in entries:
            with (
                open(entry.path, "rb") as source,
                archive.open(zipfile.ZipInfo(entry.name), "w", force_zip64=True) as to,
            ):
                while piece := source.read(CHUNK_BYTES):
                    to.write(piece)
