"""What an ONNX network has learned: the constants that count as parameters, wherever the file keeps them.

Counted: floating and quantised constants, in initialisers, Constant nodes and subgraphs, with the statistics of batch
normalisation. Not counted: scales and zero points, shapes and paddings, scalars, bounds of Clip.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from google.protobuf.message import Message
from onnx import (
    AttributeProto,
    FunctionProto,
    GraphProto,
    ModelProto,
    NodeProto,
    TensorProto,
    helper,
    inliner,
    numpy_helper,
)

from benchfleet.core.errors import DocumentError

_QUANTISATION = {"QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear"}
_PARAMETER_INPUTS_OF_QUANTISED = {
    "QLinearConv": (3, 8),
    "QLinearMatMul": (3,),
    "ConvInteger": (1,),
    "MatMulInteger": (1,),
    "QGemm": (3, 6),
    "MatMulInteger16": (1,),
    "MatMulIntegerToFloat": (1, 6),
    "DynamicQuantizeMatMul": (1, 4),
    "QLinearAdd": (0, 3),
    "QLinearMul": (0, 3),
}
_PARAMETER_INPUTS_MADE_AT_RUN_TIME: dict[str, tuple[int, ...]] = {
    "Conv": (1, 2),
    "ConvTranspose": (1, 2),
    "Gemm": (1, 2),
    "MatMul": (1,),
    "BatchNormalization": (1, 2, 3, 4),
}
"""Where a ConstantOfShape stands for a weight; of a size that is known, in an Add or Mul too (a scale of Caffe).

Elsewhere it is a mask or an initial state.
"""
_SCALE_INPUTS: dict[str, tuple[int, ...]] = {"Add": (0, 1), "Mul": (0, 1)}
_VIEWS = {"Unsqueeze", "Squeeze", "Reshape", "Transpose", "Identity", "Cast", "Flatten"}
"""What may stand between a constant and the layer that uses it."""
_PACKED = {"MatMulNBits": "bits", "MatMulBnb4": "", "MatMulFpQ4": ""}
"""Operators of ONNX Runtime with K x N weights packed in a blob, and the attribute with their bits (else 4)."""
_OPAQUE = {"GatherBlockQuantized", "QMoE"}
"""Those with a layout of their own."""
NODES_MAX = 1_000_000
"""Of a model with its functions written out; a hundred times the largest that is known."""
FUNCTION_DEPTH_MAX = 100
"""Of functions that call functions: exporters nest as deep as modules, about ten."""
ELEMENTS_MAX = 2**40
"""Of one tensor: a tera of values, more than any device holds. Beyond, sizes are a lie or an attack."""
_BOUNDS = {"Clip", "Resize", "Upsample", "Pad"}
_STORED = {
    getattr(TensorProto, name)
    for name in (
        "FLOAT",
        "FLOAT16",
        "BFLOAT16",
        "DOUBLE",
        "INT8",
        "UINT8",
        "INT4",
        "UINT4",
        "FLOAT8E4M3FN",
        "FLOAT8E5M2",
    )
    if hasattr(TensorProto, name)
}


class UncountedError(Exception):
    """Why the parameters of this graph cannot be told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Weight:
    """One learned constant."""

    name: str
    data_type: int
    sizes: tuple[int, ...]

    @property
    def count(self) -> int:
        """Its elements."""
        return math.prod(self.sizes)

    @property
    def size_bytes(self) -> int:
        """What it takes in memory."""
        return size_bytes_of(self.data_type, self.count)


def dtype_name(data_type: int) -> str:
    """The numpy word for a type of ONNX."""
    name = str(TensorProto.DataType.Name(data_type)).lower()
    return {"float": "float32", "double": "float64"}.get(name, name)


def graphs_of(graph: GraphProto) -> Iterator[GraphProto]:
    """A graph and every graph inside its nodes (If, Loop, Scan)."""
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.type == AttributeProto.GRAPH:
                yield from graphs_of(attribute.g)
            for inner in attribute.graphs:
                yield from graphs_of(inner)


def tensors_of(message: Message) -> Iterator[TensorProto]:
    """Every tensor in a message, in whatever field it hides."""
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        for part in (value,) if isinstance(value, Message) else value:
            if isinstance(part, TensorProto):
                yield part
            else:
                yield from tensors_of(part)


def constants_of(graph: GraphProto) -> Iterator[tuple[str, TensorProto]]:
    """Name and value of the constants of one graph, without its subgraphs."""
    for tensor in graph.initializer:
        yield tensor.name, tensor
    for sparse in graph.sparse_initializer:
        yield sparse.values.name, sparse.values
    for node in graph.node:
        if node.op_type == "Constant":
            for attribute in node.attribute:
                value = _value(attribute)
                if value is not None:
                    yield node.output[0], value


def weights_of(model: ModelProto) -> Iterator[Weight]:
    """The learned constants; UncountedError where the file does not tell.

    A function counts once however often it is called; roles are looked up in the graph with all calls written out.
    """
    roles = _Roles(node for graph in graphs_of(inlined(model).graph) for node in graph.node)
    for graph in graphs_of(model.graph):
        constants = dict(constants_of(graph))
        yield from _learned(constants, roles)
        yield from _made_at_run_time(graph, constants)
    for function in model.functions:
        body = list(graphs_of(GraphProto(node=function.node)))
        inner = _Roles(node for graph in body for node in graph.node)
        for graph in body:
            yield from _learned(dict(constants_of(graph)), inner)


def inlined(model: ModelProto) -> ModelProto:
    """The model with its functions written out where they are called; DocumentError when that is endless."""
    if not model.functions:
        return model
    sizes: dict[tuple[str, str], int] = {}
    functions = {(f.domain, f.name): f for f in model.functions}
    _written_out(GraphProto(node=model.graph.node), functions, sizes, 0)
    return inliner.inline_local_functions(model)


def _written_out(
    graph: GraphProto, functions: dict[tuple[str, str], FunctionProto], sizes: dict[tuple[str, str], int], depth: int
) -> int:
    """How many nodes there are with all calls written out."""
    total = 0
    for node in (node for each in graphs_of(graph) for node in each.node):
        key = (node.domain, node.op_type)
        if key in functions and key not in sizes:
            if depth > FUNCTION_DEPTH_MAX:
                raise DocumentError("its functions call each other without an end; export the model again")
            sizes[key] = _written_out(GraphProto(node=functions[key].node), functions, sizes, depth + 1)
        total += sizes.get(key, 1)
    if total > NODES_MAX:
        raise DocumentError(f"its functions write out to more than {NODES_MAX:,} nodes; export the model without them")
    return total


def _learned(constants: dict[str, TensorProto], roles: _Roles) -> Iterator[Weight]:
    for name, tensor in constants.items():
        if name in roles.packed:
            data_type, sizes = roles.packed[name]
            yield Weight(name=name, data_type=data_type, sizes=sizes)
        elif roles.learns(name, tensor):
            yield Weight(name=name, data_type=tensor.data_type, sizes=tuple(tensor.dims))


class _Roles:
    """Which names are learned, and which only help."""

    def __init__(self, nodes: Iterable[NodeProto]) -> None:
        self._helpers: set[str] = set()
        self._learned: set[str] = set()
        self._used: set[str] = set()
        self.packed: dict[str, tuple[int, tuple[int, int]]] = {}
        """Type and sizes of what a blob holds, by the name of the blob."""
        views = []
        for node in nodes:
            self._add(node)
            if node.op_type in _VIEWS and node.input and node.output:
                views.append((node.input[0], node.output[0]))
        for given, made in reversed(views):
            for names in (self._helpers, self._learned):
                if made in names:
                    names.add(given)

    def _add(self, node: NodeProto) -> None:
        if node.op_type in _OPAQUE:
            raise UncountedError(f"node {label(node)}: {node.op_type} packs its weights in a layout of its own")
        if node.op_type in _PACKED:
            self._add_packed(node)
        elif node.op_type in _QUANTISATION:
            self._helpers.update(node.input[1:3])
            self._learned.update(node.input[:1])
        elif node.op_type in _PARAMETER_INPUTS_OF_QUANTISED:
            wanted = _PARAMETER_INPUTS_OF_QUANTISED[node.op_type]
            self._learned.update(name for i, name in enumerate(node.input) if i in wanted)
            self._helpers.update(name for i, name in enumerate(node.input) if i not in wanted)
        elif node.op_type not in _BOUNDS:
            self._used.update(node.input)

    def _add_packed(self, node: NodeProto) -> None:
        numbers = {a.name: int(a.i) for a in node.attribute}
        bits = numbers.get(_PACKED[node.op_type], 4)
        types = {4: TensorProto.INT4, 8: TensorProto.INT8}
        if bits not in types or min(numbers.get("K", 0), numbers.get("N", 0)) < 1 or len(node.input) < 2:
            raise UncountedError(f"node {label(node)}: {node.op_type} with {bits} bits is packed in a way of its own")
        self.packed[node.input[1]] = types[bits], (numbers["N"], numbers["K"])
        self._helpers.update(node.input[2:5])
        self._learned.update(node.input[5:6])

    def learns(self, name: str, tensor: TensorProto) -> bool:
        """Scalars are bounds, epsilons and the like."""
        if name in self._learned:
            return True
        return name not in self._helpers and tensor.data_type in _STORED and bool(tensor.dims) and name in self._used


def label(node: NodeProto) -> str:
    """A node as a reason names it."""
    return repr(node.name or (node.output[0] if node.output else node.op_type))


def _made_at_run_time(graph: GraphProto, constants: dict[str, TensorProto]) -> Iterator[Weight]:
    """Weights that the file only describes: a ConstantOfShape that feeds the parameter of a layer."""
    layers, scales = _sources(graph, _PARAMETER_INPUTS_MADE_AT_RUN_TIME), _sources(graph, _SCALE_INPUTS)
    for node in graph.node:
        if node.op_type != "ConstantOfShape" or not node.output or node.output[0] not in layers | scales:
            continue
        data_type = next((a.t.data_type for a in node.attribute if a.name == "value"), TensorProto.FLOAT)
        shape = constants.get(node.input[0])
        if shape is not None and shape.data_location != TensorProto.EXTERNAL:
            sizes = tuple(int(size) for size in numpy_helper.to_array(shape).flatten())
            if math.prod(sizes) > ELEMENTS_MAX:
                raise UncountedError(f"node {label(node)}: makes more elements than any device holds")
            if sizes and data_type in _STORED:
                yield Weight(name=node.output[0], data_type=data_type, sizes=sizes)
        elif node.output[0] in layers:
            raise UncountedError(f"node {label(node)} (ConstantOfShape): the size of this weight is not in the file")


def _sources(graph: GraphProto, wanted: dict[str, tuple[int, ...]]) -> set[str]:
    """The names that feed these inputs, seen through nodes that only change the view."""
    names = {name for node in graph.node for i, name in enumerate(node.input) if i in wanted.get(node.op_type, ())}
    for node in reversed(graph.node):
        if node.op_type in _VIEWS and node.output and node.output[0] in names:
            names.update(node.input[:1])
    return names


def _value(attribute: AttributeProto) -> TensorProto | None:
    if attribute.name == "value":
        return attribute.t
    if attribute.name == "sparse_value":
        return attribute.sparse_tensor.values
    if attribute.name == "value_floats":
        return helper.make_tensor("", TensorProto.FLOAT, [len(attribute.floats)], attribute.floats)
    if attribute.name == "value_ints":
        return helper.make_tensor("", TensorProto.INT64, [len(attribute.ints)], attribute.ints)
    return None


def size_bytes_of(data_type: int, count: int) -> int:
    """What so many values of a type take."""
    if "INT4" in TensorProto.DataType.Name(data_type):
        return (count + 1) // 2
    return count * int(helper.tensor_dtype_to_np_dtype(data_type).itemsize)
