"""Whether the tensors of an ONNX file are what they claim: sizes against the bytes inside the file or beside it."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path, PurePosixPath, PureWindowsPath

from onnx import GraphProto, ModelProto, TensorProto

from benchfleet.controller.inspection.onnx_weights import constants_of, graphs_of, size_bytes_of, tensors_of
from benchfleet.core.errors import DocumentError

PAYLOAD = ("raw_data", "float_data", "int32_data", "int64_data", "double_data", "uint64_data", "string_data")
KEPT_ELEMENTS = 1024
"""Longer constants hold weights, not shapes: their bytes are dropped before the graph is copied for inference."""
_TYPED: dict[int, str] = {
    TensorProto.FLOAT: "float_data",
    TensorProto.COMPLEX64: "float_data",
    TensorProto.DOUBLE: "double_data",
    TensorProto.COMPLEX128: "double_data",
    TensorProto.INT64: "int64_data",
    TensorProto.UINT32: "uint64_data",
    TensorProto.UINT64: "uint64_data",
    TensorProto.STRING: "string_data",
}
"""Where values stand that are not raw bytes; all other types stand in int32_data (onnx.proto, TensorProto)."""
_PAIRS = (TensorProto.COMPLEX64, TensorProto.COMPLEX128)


def check_tensors(model: ModelProto, folder: Path) -> tuple[str, ...]:
    """The files beside the model that hold its weights; DocumentError for a tensor that is not what it claims."""
    external = set()
    for tensor in tensors_of(model):
        if any(size < 0 for size in tensor.dims):
            raise DocumentError(f"tensor {tensor.name!r} has a negative size; export the model again")
        if tensor.data_location == TensorProto.EXTERNAL or tensor.external_data:
            external.add(_check_external(tensor, folder))
        else:
            _check_payload(tensor)
    return tuple(sorted(external))


def check_names(graph: GraphProto) -> None:
    """DocumentError when two nodes make one name, or none makes an output: no runtime takes such a graph."""
    for each in graphs_of(graph):
        made = Counter(name for node in each.node for name in node.output if name)
        twice = next((name for name, count in made.items() if count > 1), None)
        if twice is not None:
            raise DocumentError(f"two nodes make {twice[:80]!r}; export the model again")
    there = {name for node in graph.node for name in node.output}
    there |= {v.name for v in graph.input} | {name for name, _ in constants_of(graph)}
    absent = next((v.name for v in graph.output if v.name not in there), None)
    if absent is not None:
        raise DocumentError(f"nothing makes the output {absent[:80]!r}; export the model again")


def _check_payload(tensor: TensorProto) -> None:
    count = math.prod(tensor.dims)
    if tensor.HasField("raw_data"):
        held, wanted, what = len(tensor.raw_data), _size_bytes(tensor), "bytes"
    else:
        held, wanted, what = len(getattr(tensor, _TYPED.get(tensor.data_type, "int32_data"))), count, "values"
        if tensor.data_type in _PAIRS:
            wanted *= 2
        elif _packed(tensor.data_type):
            wanted = _size_bytes(tensor)
    if held != wanted:
        raise DocumentError(
            f"tensor {tensor.name!r} holds {held:,} {what} where its shape needs {wanted:,}; export the model again"
        )


def _check_external(tensor: TensorProto, folder: Path) -> str:
    """Old runtimes follow such a path anywhere, so it is checked before any sees it. The file itself may be absent."""
    entries = {e.key: e.value for e in tensor.external_data}
    location = entries.get("location", "")
    if not _contained(location, folder):
        raise DocumentError(
            f"tensor {tensor.name!r} keeps its data in {location!r}, outside the model's folder; "
            "store the weights inside the file"
        )
    wanted = _size_bytes(tensor)
    offset, length = (_number(tensor, entries, key) for key in ("offset", "length"))
    if length not in (0, wanted):
        raise DocumentError(
            f"tensor {tensor.name!r} has {length:,} bytes in {location!r} where its shape needs {wanted:,}; "
            "export the model again"
        )
    file = folder / location
    if file.is_file() and offset + wanted > file.stat().st_size:
        raise DocumentError(f"tensor {tensor.name!r} ends beyond {location!r}; that file is truncated: copy it again")
    return location


def _number(tensor: TensorProto, entries: dict[str, str], key: str) -> int:
    text = entries.get(key, "0")
    if not text.isdecimal() or len(text) > 18:
        raise DocumentError(f"tensor {tensor.name!r} has the {key} {text[:40]!r} in its external data; export it again")
    return int(text)


def _contained(location: str, folder: Path) -> bool:
    """Whether a relative path stays in the folder, read as a POSIX path, as a Windows path, and through links."""
    windows = PureWindowsPath(location)
    parts = PurePosixPath(location.replace("\\", "/")).parts
    if not location or "\0" in location or location.startswith("/") or windows.anchor or ".." in parts:
        return False
    return (folder / location).resolve().is_relative_to(folder.resolve())


def _size_bytes(tensor: TensorProto) -> int:
    if tensor.data_type not in TensorProto.DataType.values() or tensor.data_type == TensorProto.UNDEFINED:
        raise DocumentError(f"tensor {tensor.name!r} has the type {tensor.data_type}, which is none; export it again")
    if tensor.data_type == TensorProto.STRING:
        return 0
    return size_bytes_of(tensor.data_type, math.prod(tensor.dims))


def _packed(data_type: int) -> bool:
    """Two or four values in a byte."""
    return TensorProto.DataType.Name(data_type) in ("INT4", "UINT4", "FLOAT4E2M1", "INT2", "UINT2")


def drop_payload(model: ModelProto) -> None:
    """Leaves the short constants that may be shapes; the bytes of weights say nothing more than their sizes."""
    for tensor in tensors_of(model):
        if math.prod(tensor.dims) > KEPT_ELEMENTS:
            for name in PAYLOAD:
                tensor.ClearField(name)
