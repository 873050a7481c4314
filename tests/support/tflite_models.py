"""Tiny TFLite files, built with the schema of the LiteRT wheel, which is another reader than ours."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as fb

TYPES = {
    np.dtype(np.float32): fb.TensorType.FLOAT32,
    np.dtype(np.float16): fb.TensorType.FLOAT16,
    np.dtype(np.int8): fb.TensorType.INT8,
    np.dtype(np.uint8): fb.TensorType.UINT8,
    np.dtype(np.int32): fb.TensorType.INT32,
    np.dtype(np.int64): fb.TensorType.INT64,
}


@dataclass
class Graph:
    """One subgraph on its way into a file."""

    tensors: list[Any] = field(default_factory=list)
    operators: list[Any] = field(default_factory=list)
    inputs: list[int] = field(default_factory=list)
    outputs: list[int] = field(default_factory=list)


class Builder:
    """Tensors by index, operators in order; `write` makes the file."""

    def __init__(self) -> None:
        self.buffers: list[Any] = [fb.BufferT()]
        self.codes: list[Any] = []
        self.graphs = [Graph()]
        self.outside: list[tuple[int, bytes]] = []

    def tensor(self, shape, *, kind=fb.TensorType.FLOAT32, signature=None, variable=False, graph=0) -> int:
        """An activation."""
        made = fb.TensorT()
        made.shape, made.type, made.isVariable = list(shape), kind, variable
        made.name = f"t{len(self.graphs[graph].tensors)}"
        made.shapeSignature = list(signature) if signature is not None else None
        self.graphs[graph].tensors.append(made)
        return len(self.graphs[graph].tensors) - 1

    def constant(self, array, *, kind=None, shape=None, outside=False, graph=0, buffer=None) -> int:
        """A weight; `outside` puts its bytes behind the flatbuffer, `buffer` shares the bytes of another."""
        array = np.asarray(array)
        index = self.tensor(array.shape if shape is None else shape, kind=kind or TYPES[array.dtype], graph=graph)
        if buffer is None:
            held = fb.BufferT()
            if outside:
                self.outside.append((len(self.buffers), array.tobytes()))
            else:
                held.data = np.frombuffer(array.tobytes(), np.uint8)
            self.buffers.append(held)
            buffer = len(self.buffers) - 1
        self.graphs[graph].tensors[index].buffer = buffer
        return index

    def operator(self, kind, inputs, outputs, *, options=None, custom=None, graph=0) -> None:
        """One operator; `options` is (number in BuiltinOptions, object)."""
        code = fb.OperatorCodeT()
        number = getattr(fb.BuiltinOperator, kind) if isinstance(kind, str) else kind
        code.builtinCode, code.deprecatedBuiltinCode, code.customCode = number, min(number, 127), custom
        self.codes.append(code)
        made = fb.OperatorT()
        made.opcodeIndex, made.inputs, made.outputs = len(self.codes) - 1, list(inputs), list(outputs)
        if options is not None and options[0] == "2":
            made.builtinOptions2Type, made.builtinOptions2 = options[1:]
        elif options is not None:
            made.builtinOptionsType, made.builtinOptions = options
        self.graphs[graph].operators.append(made)

    def write(self, path: Path, inputs, outputs) -> Path:
        """The file at `path`."""
        self.graphs[0].inputs, self.graphs[0].outputs = list(inputs), list(outputs)
        model = fb.ModelT()
        model.version, model.operatorCodes, model.buffers = 3, self.codes, self.buffers
        model.subgraphs = []
        for graph in self.graphs:
            made = fb.SubGraphT()
            made.tensors, made.operators = graph.tensors, graph.operators
            made.inputs, made.outputs = graph.inputs, graph.outputs
            model.subgraphs.append(made)
        data = _packed(model)
        if self.outside:
            for _ in range(2):  # the offsets are in the flatbuffer, and so in its length
                offset = len(data)
                for number, held in self.outside:
                    self.buffers[number].offset, self.buffers[number].size = offset, len(held)
                    offset += len(held)
                data = _packed(model)
            data += b"".join(held for _, held in self.outside)
        path.write_bytes(data)
        return path


def _packed(model) -> bytes:
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())
