"""Sizes of the tensors of a TFLite file: checked against the bytes they carry, and summed to a peak of activations."""

from __future__ import annotations

import math
from typing import Any

import tflite

from benchfleet.controller.inspection.facts import Count
from benchfleet.controller.inspection.liveness import peak_bytes
from benchfleet.core.errors import DocumentError

_BITS = {
    "FLOAT64": 64, "INT64": 64, "UINT64": 64, "COMPLEX64": 64, "COMPLEX128": 128, "FLOAT32": 32, "INT32": 32,
    "UINT32": 32, "FLOAT16": 16, "BFLOAT16": 16, "INT16": 16, "UINT16": 16, "INT8": 8, "UINT8": 8, "BOOL": 8, "INT4": 4,
}  # fmt: skip
BITS_OF = {v: _BITS[k] for k, v in vars(tflite.TensorType).items() if k in _BITS}


HOLDING_GRAPHS = {"IF", "WHILE", "CALL", "STABLEHLO_WHILE", "STABLEHLO_COMPOSITE"}
OPEN = "its shape is open"
_NAMES = {v: k for k, v in vars(tflite.TensorType).items() if not k.startswith("_")}
ELEMENTS_MAX = 2**40
"""Of one tensor: a tera of values, more than any device holds. Beyond, sizes are a lie or an attack."""


def check_tensors(model: Any, graphs: list[Any], code_count: int, file_bytes: int) -> None:
    """DocumentError for indices, sizes and buffers that the file does not hold: a runtime may read beyond them."""
    for graph in graphs:
        count = graph.TensorsLength()
        used = [graph.Inputs(i) for i in range(graph.InputsLength())]
        used += [graph.Outputs(i) for i in range(graph.OutputsLength())]
        for i in range(graph.OperatorsLength()):
            operator = graph.Operators(i)
            if operator.OpcodeIndex() >= code_count:
                raise DocumentError(f"operator {i} has no code in the file; export the model again")
            used += [k for k in (operator.Inputs(j) for j in range(operator.InputsLength())) if k != -1]
            used += [k for k in (operator.Outputs(j) for j in range(operator.OutputsLength())) if k != -1]
        wrong = next((index for index in used if not 0 <= index < count), None)
        if wrong is not None:
            raise DocumentError(f"names tensor {wrong} where it has {count}; export the model again")
        for i in range(count):
            _check(model, graph.Tensors(i), i, file_bytes)


def _check(model: Any, tensor: Any, index: int, file_bytes: int) -> None:
    if tensor.Buffer() >= model.BuffersLength():
        raise DocumentError(f"tensor {index} names a buffer that is not in the file; export the model again")
    if any(size < -1 for size in _sizes(tensor)):
        raise DocumentError(f"tensor {index} has a negative size; export the model again")
    buffer = model.Buffers(tensor.Buffer())
    if buffer.Size() and buffer.Offset() + buffer.Size() > file_bytes:
        raise DocumentError(f"buffer {tensor.Buffer()} ends beyond the file; it is truncated: copy the model again")
    held, wanted = held_bytes(buffer), _size_bytes(tensor)
    if held and wanted is not None and tensor.Sparsity() is None and held != wanted:
        raise DocumentError(f"tensor {index} holds {held:,} bytes where its shape needs {wanted:,}; export it again")


def open_inside(tensor: Any) -> bool:
    """Whether an axis other than the batch is open; the file then gives a placeholder of 1 as its size."""
    return any(tensor.ShapeSignature(i) < 0 for i in range(1, tensor.ShapeSignatureLength()))


def count_peak(model: Any, graph: Any, codes: list[str]) -> Count:
    """The peak of a graph with an open batch taken as one; states between calls (variables) live throughout."""
    for i in range(graph.OperatorsLength()):
        kind = codes[graph.Operators(i).OpcodeIndex()]
        if kind in HOLDING_GRAPHS:
            return Count(value=None, reason=f"operator {i} ({kind}) holds tensors of its own")
    sizes: dict[str, int] = {}
    lasting = []
    for i in range(graph.TensorsLength()):
        tensor = graph.Tensors(i)
        if held_bytes(model.Buffers(tensor.Buffer())):
            continue
        size_bytes = None if open_inside(tensor) else _size_bytes(tensor)
        if size_bytes is None:
            known = _NAMES.get(tensor.Type(), "tensor of a newer type")
            what = OPEN if tensor.Type() in BITS_OF else f"the size of a {known} is not in the file"
            return Count(value=None, reason=f"tensor {i}: {what}")
        if size_bytes > ELEMENTS_MAX:
            return Count(value=None, reason=f"tensor {i} has more elements than any device holds")
        sizes[str(i)] = size_bytes
        if tensor.IsVariable():
            lasting.append(str(i))
    steps, constant = [], {str(i) for i in range(graph.TensorsLength())} - sizes.keys()
    for i in range(graph.OperatorsLength()):
        operator = graph.Operators(i)
        reads = [str(operator.Inputs(k)) for k in range(operator.InputsLength()) if operator.Inputs(k) >= 0]
        makes = [str(operator.Outputs(k)) for k in range(operator.OutputsLength())]
        if reads and all(name in constant for name in reads):  # a DEQUANTIZE of fp16 weights makes weights
            constant.update(makes)
            for name in makes:
                sizes.pop(name, None)
            continue
        steps.append((reads, makes))
    inputs = [str(graph.Inputs(i)) for i in range(graph.InputsLength())]
    outputs = [str(graph.Outputs(i)) for i in range(graph.OutputsLength())]
    return Count(value=peak_bytes(steps, [*inputs, *lasting], [*outputs, *lasting], sizes))


def held_bytes(buffer: Any) -> int:
    """What a buffer holds, inside the flatbuffer or behind it."""
    return int(buffer.DataLength() or buffer.Size())


def _sizes(tensor: Any) -> list[int]:
    return [tensor.Shape(i) for i in range(tensor.ShapeLength())]


def _size_bytes(tensor: Any) -> int | None:
    bits, sizes = BITS_OF.get(tensor.Type()), _sizes(tensor)
    if bits is None or any(size < 0 for size in sizes):
        return None
    return (math.prod(sizes) * bits + 7) // 8
