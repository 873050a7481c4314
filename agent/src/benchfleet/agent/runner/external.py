"""Weights that an ONNX file keeps elsewhere: old versions read any file that a model names as its weights."""

import mmap
import os
from typing import List, Tuple

from benchfleet.agent.runner.contract import RuntimeFault

_LOCATION = b"\x0a\x08location\x12"


def vet(path: str) -> None:
    """RuntimeFault unless every file that the model names lies in the model's own folder, and is there."""
    folder = os.path.realpath(os.path.dirname(os.path.abspath(path)))
    for location in _locations(path):
        target = os.path.realpath(os.path.join(folder, location))
        if os.path.isabs(location) or not target.startswith(folder + os.sep):
            raise RuntimeFault(
                "unsupported_model",
                "weights are kept outside the model's folder (%r); store them in the file" % location[:200],
            )
        if not os.path.exists(target):
            raise RuntimeFault(
                "unsupported_model",
                "weights are kept in %r, which did not come with the model; store them in the file" % location[:200],
            )


def _locations(path: str) -> List[str]:
    """Values of the key `location` (StringStringEntryProto: 0x0a len "location" 0x12 len VALUE), wherever."""
    if not os.path.getsize(path):
        return []
    found = []
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        at = data.find(_LOCATION)
        while at >= 0:
            length, i = _varint(data, at + len(_LOCATION))
            found.append(data[i : i + length].decode("utf-8", "replace"))
            at = data.find(_LOCATION, at + 1)
    return found


def _varint(data: mmap.mmap, i: int) -> Tuple[int, int]:
    """(number, where it ends); https://protobuf.dev/programming-guides/encoding/."""
    number = shift = 0
    while i < len(data) and shift < 64:
        number |= (data[i] & 0x7F) << shift
        shift += 7
        i += 1
        if not data[i - 1] & 0x80:
            break
    return number, i
