"""Facts of an OpenVINO IR: the layers of its XML, and the constants that its .bin holds.

https://docs.openvino.ai/2026/documentation/openvino-ir-format.html. Two files side by side, or one zip of both
as a fleet carries it. Work is not counted.
"""

from __future__ import annotations

import math
import zipfile
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

from benchfleet.controller.inspection.facts import Count, ModelFacts, Shapes, TensorFacts, precision_of
from benchfleet.core.errors import DocumentError
from benchfleet.core.formats import PACKED_IR

_DTYPES = {
    "f64": "float64", "f32": "float32", "f16": "float16", "bf16": "bfloat16", "i64": "int64", "i32": "int32",
    "i16": "int16", "i8": "int8", "u64": "uint64", "u32": "uint32", "u16": "uint16", "u8": "uint8", "i4": "int4",
    "boolean": "bool",
}  # fmt: skip
_LEARNED = ("float64", "float32", "float16", "bfloat16", "int8", "uint8", "int4")
XML_BYTES_MAX = 256 * 1024 * 1024


def read(path: Path, shapes: Shapes) -> ModelFacts:
    """The facts of the graph; the weights file must be there and as long as the graph says."""
    if shapes:
        raise DocumentError("is an OpenVINO IR, whose work is not counted; inspect it without --shape")
    text, weights_bytes = _parts(path)
    net = ElementTree.fromstring(text)
    layers = net.findall("./layers/layer")
    if net.tag != "net" or not layers:
        raise DocumentError("is XML, but no OpenVINO IR; write it again with openvino.save_model")
    sizes, counts, ends = Counter[str](), Counter[str](), [0]
    for layer in layers:
        data = layer.find("data")
        if layer.get("type") != "Const" or data is None:
            continue
        dtype, size_bytes = _dtype(data.get("element_type")), int(data.get("size", "0"))
        ends.append(int(data.get("offset", "0")) + size_bytes)
        count = math.prod(_shape(data.get("shape")) or (1,))  # type: ignore[arg-type]
        if dtype in _LEARNED and count > 1:
            sizes[dtype] += size_bytes
            counts[dtype] += count
    if max(ends) > weights_bytes:
        raise DocumentError(f"needs {max(ends)} bytes of weights, its .bin has {weights_bytes}; copy both files again")
    precision, by_bytes, by_count = precision_of(dict(sizes), dict(counts))
    inputs = tuple(_input(layer) for layer in layers if layer.get("type") == "Parameter")
    return ModelFacts(
        file=path.name,
        digest="",
        size_bytes=0,
        format="openvino_ir",
        inputs=inputs,
        outputs=tuple(_output(layer) for layer in layers if layer.get("type") == "Result"),
        precision=precision,
        precision_shares=by_bytes,
        precision_shares_by_count=by_count,
        parameters=Count(value=counts.total()),
        weight_bytes=Count(value=sizes.total()),
        macs=Count(value=None, reason="not counted for an OpenVINO IR; inspect the model it was made from"),
        peak_activation_bytes=Count(value=None, reason="not counted for an OpenVINO IR"),
        operators=dict(
            Counter(str(layer.get("type")) for layer in layers if layer.get("type") != "Const").most_common()
        ),
        dynamic_batch=bool(inputs) and all(t.shape and t.shape[0] is None for t in inputs),
    )


def _parts(path: Path) -> tuple[bytes, int]:
    """(the XML, how long the weights are)."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            found = {info.filename: info for info in archive.infolist()}
            if tuple(found) != PACKED_IR:
                raise DocumentError(f"is an archive, but not of {' and '.join(PACKED_IR)}")
            xml, weights = (found[name] for name in PACKED_IR)
            if xml.file_size > XML_BYTES_MAX:
                raise DocumentError(f"has a graph of more than {XML_BYTES_MAX} bytes")
            return archive.read(xml), weights.file_size
    weights_path = path.with_suffix(".bin")
    if not weights_path.exists():
        raise DocumentError(f"is one of the two files of an IR, and {weights_path.name} is not beside it")
    if path.stat().st_size > XML_BYTES_MAX:
        raise DocumentError(f"has a graph of more than {XML_BYTES_MAX} bytes")
    return path.read_bytes(), weights_path.stat().st_size


def _dtype(text: str | None) -> str:
    return _DTYPES.get(str(text), str(text))


def _shape(text: str | None) -> tuple[int | None, ...]:
    """`?,3,224,224` or `1..8,10`; what is not one number is open."""
    return tuple(int(part) if part.strip().isdigit() else None for part in (text or "").split(",") if part.strip())


def _input(layer: ElementTree.Element) -> TensorFacts:
    data = layer.find("data")
    about = data.attrib if data is not None else {}
    return TensorFacts(
        name=str(layer.get("name")), dtype=_dtype(about.get("element_type")), shape=_shape(about.get("shape"))
    )


def _output(layer: ElementTree.Element) -> TensorFacts:
    port = layer.find("./input/port")
    sizes = [dim.text or "" for dim in port.findall("dim")] if port is not None else []
    dtype = {"FP32": "float32", "FP16": "float16", "I64": "int64", "I32": "int32", "U8": "uint8", "I8": "int8"}
    precision = str(port.get("precision")) if port is not None else "unknown"
    shape = tuple(int(size) if size.isdigit() else None for size in sizes)
    return TensorFacts(name=str(layer.get("name")), dtype=dtype.get(precision, precision.lower()), shape=shape)
