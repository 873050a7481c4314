"""What a TFLite network has learned: the constants that count as parameters, each buffer once.

Counted: operands of multiplying operators with their biases, and floating or quantised constants of others. Not
counted: shapes, paddings, scalars, and states that begin as zeros. Of a sparse tensor the values that are stored count.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import tflite

from benchfleet.controller.inspection.tflite_macs import MULTIPLYING
from benchfleet.controller.inspection.tflite_memory import BITS_OF, held_bytes

_TYPES = {v: k.lower() for k, v in vars(tflite.TensorType).items() if not k.startswith("_")}
_FLOATING = ("float32", "float16", "bfloat16", "float64", "int8", "int4", "int16")
_WHOLE = ("int32", "int64", "uint8")
_SHAPE_FIRST = {"TRANSPOSE_CONV", "CONV_3D_TRANSPOSE"}
"""Their first operand is the output shape."""


@dataclass(slots=True, kw_only=True)
class Weights:
    """By type; `unknown` says why they cannot be told."""

    bytes_by_dtype: Counter[str] = field(default_factory=Counter)
    count_by_dtype: Counter[str] = field(default_factory=Counter)
    unknown: str | None = None


def dtype_of(tensor: Any) -> str:
    """The numpy word for its type, or the number of a type that is newer than this reader."""
    return str(_TYPES.get(tensor.Type(), f"type {tensor.Type()}"))


def weights_of(model: Any, graphs: list[Any], codes: list[str]) -> Weights:
    """Over all subgraphs."""
    weights = Weights()
    seen: set[int] = set()
    for graph in graphs:
        for index in sorted(_learned(model, graph, codes)):
            tensor = graph.Tensors(index)
            number = tensor.Buffer()
            held = held_bytes(model.Buffers(number))
            if not held or number in seen:
                continue
            seen.add(number)
            dtype, bits = dtype_of(tensor), BITS_OF.get(tensor.Type())
            if bits is None:
                weights.unknown = f"tensor {index} has {dtype}, which is not known here"
                continue
            sizes = [tensor.Shape(i) for i in range(tensor.ShapeLength())]
            weights.bytes_by_dtype[dtype] += held
            weights.count_by_dtype[dtype] += math.prod(sizes) if tensor.Sparsity() is None else held * 8 // bits
    return weights


def _learned(model: Any, graph: Any, codes: list[str]) -> Iterator[int]:
    for i in range(graph.OperatorsLength()):
        operator = graph.Operators(i)
        kind = codes[operator.OpcodeIndex()]
        for k in range(operator.InputsLength()):
            index = operator.Inputs(k)
            if index < 0 or (kind in _SHAPE_FIRST and k == 0):
                continue
            tensor = graph.Tensors(index)
            if _carries(tensor, kind) and not (kind == "ASSIGN_VARIABLE" and _zeros(model.Buffers(tensor.Buffer()))):
                yield index


def _carries(tensor: Any, kind: str) -> bool:
    dtype = dtype_of(tensor)
    if kind in MULTIPLYING and (dtype in _WHOLE or dtype not in _TYPES.values()):
        return True
    quantised = dtype == "uint8" and tensor.Quantization() is not None and tensor.Quantization().ScaleLength() > 0
    return (dtype in _FLOATING or quantised) and bool(tensor.ShapeLength() > 0)


def _zeros(buffer: Any) -> bool:
    """Whether it is a state before its first use; learned weights are never all zero."""
    return bool(buffer.DataLength()) and not any(memoryview(buffer.DataAsNumpy()))
