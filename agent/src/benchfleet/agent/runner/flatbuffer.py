"""Reads a flatbuffer by field numbers, without the vendor's generated code: https://flatbuffers.dev/internals/.

A file that is none ends in struct.error, ValueError or IndexError, which the caller takes for "not told".
"""

import mmap
import struct
from typing import List, NamedTuple, Optional, Union

Data = Union[bytes, mmap.mmap]
FLOATS_MAX = 4096


def root_of(data: Data) -> "Table":
    """The table that a flatbuffer begins with."""
    return Table(data, int(struct.unpack_from("<I", data, 0)[0]))


class Table(NamedTuple):
    """A table of a flatbuffer: https://flatbuffers.dev/internals/; fields by number, absent ones are None."""

    data: Data
    at: int

    def field(self, number: int) -> Optional[int]:
        """Where a field is."""
        vtable = self.at - struct.unpack_from("<i", self.data, self.at)[0]
        if 4 + 2 * number + 2 > struct.unpack_from("<H", self.data, vtable)[0]:
            return None
        offset = struct.unpack_from("<H", self.data, vtable + 4 + 2 * number)[0]
        return self.at + offset if offset else None

    def follow(self, at: int) -> int:
        """Where an offset leads."""
        return at + int(struct.unpack_from("<I", self.data, at)[0])

    def tables(self, number: int) -> List["Table"]:
        """A vector of tables; empty when it is absent."""
        at = self.field(number)
        if at is None:
            return []
        start = self.follow(at)
        count = struct.unpack_from("<I", self.data, start)[0]
        return [Table(self.data, self.follow(start + 4 + 4 * i)) for i in range(min(count, len(self.data) // 4))]

    def text(self, number: int) -> str:
        """A string; empty when it is absent."""
        at = self.field(number)
        if at is None:
            return ""
        start = self.follow(at)
        length = struct.unpack_from("<I", self.data, start)[0]
        return bytes(self.data[start + 4 : start + 4 + length]).decode("utf-8", "replace")

    def held(self, number: int) -> bytes:
        """A vector of bytes; empty when it is absent."""
        at = self.field(number)
        if at is None:
            return b""
        start = self.follow(at)
        length = struct.unpack_from("<I", self.data, start)[0]
        return bytes(self.data[start + 4 : start + 4 + length])

    def floats(self, number: int) -> List[float]:
        """A vector of float32; empty when it is absent."""
        at = self.field(number)
        if at is None:
            return []
        start = self.follow(at)
        count = struct.unpack_from("<I", self.data, start)[0]
        return list(struct.unpack_from("<%df" % min(count, FLOATS_MAX), self.data, start + 4))

    def number(self, number: int, code: str, absent: int) -> int:
        """A scalar of a struct format; `absent` where the file leaves it out."""
        at = self.field(number)
        return absent if at is None else int(struct.unpack_from("<" + code, self.data, at)[0])

    def table(self, number: int) -> Optional["Table"]:
        """Another table; None when it is absent."""
        at = self.field(number)
        return None if at is None else Table(self.data, self.follow(at))
