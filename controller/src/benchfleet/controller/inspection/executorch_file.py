"""Facts of an ExecuTorch program: what its method `forward` takes and gives, and which instructions it holds.

https://github.com/pytorch/executorch/blob/main/schema/program.fbs; fields by number, as flatbuffers lays them out. A
delegate's weights and layers are its own format inside the file, so parameters and work are unknown, never 0.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from flatbuffers import number_types as numbers
from flatbuffers.table import Table

from benchfleet.controller.inspection.facts import Count, ModelFacts, Shapes, TensorFacts
from benchfleet.core.errors import DocumentError

_DTYPES = {
    0: "uint8", 1: "int8", 2: "int16", 3: "int32", 4: "int64", 5: "float16", 6: "float32", 7: "float64", 11: "bool",
    15: "bfloat16",
}  # fmt: skip
_TENSOR = 5
"""Of the union KernelTypes."""
_KERNEL, _DELEGATE = 1, 2
"""Of the union InstructionArguments."""
_ITEMS_MAX = 1_000_000
"""Of one vector: more is a broken file."""


def read(path: Path, shapes: Shapes) -> ModelFacts:
    """The facts of `forward`; a program without it is refused, as the runtime refuses it."""
    if shapes:
        raise DocumentError("is an ExecuTorch program, whose sizes are fixed; inspect it without --shape")
    data = path.read_bytes()
    _check_whole(data)
    root = Table(data, struct.unpack_from("<I", data, 0)[0])
    plans = [plan for plan in _tables(root, 1) if _text(plan, 0) == "forward"]
    if not plans:
        raise DocumentError("has no method forward; export the program again")
    plan = plans[0]
    values, unknown = list(_tables(plan, 2)), "the layers of a delegate are not readable in the program"
    return ModelFacts(
        file=path.name,
        digest="",
        size_bytes=0,
        format="executorch",
        inputs=tuple(_tensor(values[i], f"input_{k}") for k, i in enumerate(_integers(plan, 3))),
        outputs=tuple(_tensor(values[i], f"output_{k}") for k, i in enumerate(_integers(plan, 4))),
        precision="unknown",
        precision_shares={},
        parameters=Count(value=None, reason=unknown),
        weight_bytes=Count(value=None, reason=unknown),
        macs=Count(value=None, reason=unknown),
        peak_activation_bytes=Count(value=None, reason=unknown),
        operators=dict(_instructions(plan).most_common()),
    )


def _check_whole(data: bytes) -> None:
    """DocumentError when the segments of weights, of which the extended header tells, are cut off."""
    if data[8:12] == b"eh00":
        length, program = struct.unpack_from("<IQ", data, 12)
        base, segments = struct.unpack_from("<QQ", data, 24) if length >= 32 else (0, 0)
        if len(data) < max(program, base + segments):
            raise DocumentError(
                f"has {len(data)} bytes and says it has {max(program, base + segments)}; copy the program again"
            )


def _instructions(plan: Table) -> Counter[str]:
    """Kernels by their operator, delegates by their name."""
    kernels, delegates = [_text(t, 0) for t in _tables(plan, 6)], [_text(t, 0) for t in _tables(plan, 7)]
    found: Counter[str] = Counter()
    for chain in _tables(plan, 5):
        for instruction in _tables(chain, 2):
            kind = _number(instruction, 0, numbers.Uint8Flags)
            if kind in (_KERNEL, _DELEGATE):
                index = _number(_union(instruction, 1), 0, numbers.Int32Flags)
                found[kernels[index] if kind == _KERNEL else delegates[index]] += 1
    return found


def _tensor(value: Table, name: str) -> TensorFacts:
    if _number(value, 0, numbers.Uint8Flags) != _TENSOR:
        return TensorFacts(name=name, dtype="scalar", shape=())
    tensor = _union(value, 1)
    kind = _number(tensor, 0, numbers.Int8Flags)
    return TensorFacts(name=name, dtype=_DTYPES.get(kind, f"type {kind}"), shape=tuple(_integers(tensor, 2)))


def _at(table: Table, field: int) -> int:
    return int(table.Offset(4 + 2 * field))


def _number(table: Table, field: int, flags: type) -> int:
    at = _at(table, field)
    return int(table.Get(flags, table.Pos + at)) if at else 0


def _union(table: Table, field: int) -> Table:
    return Table(table.Bytes, table.Indirect(table.Pos + _at(table, field)))


def _text(table: Table, field: int) -> str:
    at = _at(table, field)
    return bytes(table.String(table.Pos + at)).decode("utf-8", "replace") if at else ""


def _length(table: Table, at: int) -> int:
    count = int(table.VectorLen(at)) if at else 0
    if count > _ITEMS_MAX:
        raise DocumentError("says that it holds more than it can; is it a whole ExecuTorch program?")
    return count


def _tables(table: Table, field: int) -> Iterator[Table]:
    at = _at(table, field)
    for i in range(_length(table, at)):
        yield Table(table.Bytes, table.Indirect(table.Vector(at) + 4 * i))


def _integers(table: Table, field: int) -> Iterator[int]:
    at = _at(table, field)
    for i in range(_length(table, at)):
        yield int(table.Get(numbers.Int32Flags, table.Vector(at) + 4 * i))
