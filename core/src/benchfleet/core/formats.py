"""Model formats by the first bytes of a file, and the runtime that measures one when nobody names another.

Models are data: whatever is not known here is refused, pickles and archives among it, whatever its name ends in.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

PACKED_IR = ("openvino_ir/model.xml", "openvino_ir/model.bin")
"""An IR is two files; a fleet carries one, a zip of these two, stored and in this order."""

HEAD_BYTES = 256
"""Of a file, enough to tell: an IR may begin with a long XML declaration."""

_IR = re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]{0,160}\?>\s*)?<net[\s>]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """`title` is how a sentence calls it."""

    name: str
    title: str
    runtime: str


FORMATS = {
    f.name: f
    for f in (
        Format(name="onnx", title="ONNX", runtime="onnxruntime"),
        Format(name="tflite", title="TFLite", runtime="litert"),
        Format(name="executorch", title="ExecuTorch", runtime="executorch"),
        Format(name="openvino_ir", title="OpenVINO IR", runtime="openvino"),
    )
}
TITLES = ", ".join(f.title for f in FORMATS.values())


def format_of(head: bytes) -> str | None:
    """The format of a file by its first HEAD_BYTES; None for anything else."""
    if head[4:8] == b"TFL3":
        return "tflite"
    if re.fullmatch(rb"ET\d\d", head[4:8]):
        return "executorch"
    if _IR.match(head) or (head[:4] == b"PK\x03\x04" and head[30:].startswith(PACKED_IR[0].encode())):
        return "openvino_ir"
    if head[:1] == b"\x08":
        # ModelProto begins with field 1, ir_version, a varint: there is no other mark.
        return "onnx"
    return None


def refusal(head: bytes) -> str:
    """What a file is that is no model of a known format, and what to do about it."""
    if head[:4] in (b"ftrt", b"ptrt"):
        return "is an engine plan, which is code for one device; push the ONNX model, a device builds its own engine"
    if head[:2] in (b"PK", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"):
        return f"is a pickle or an archive, which may run code; export it to one of {TITLES}"
    return f"is none of {TITLES} by its first bytes; export it to one of them"
