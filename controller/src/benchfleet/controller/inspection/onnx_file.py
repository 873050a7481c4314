"""Facts of an ONNX file, with the onnx package's own parser and shape inference.

Multiply-accumulates are counted from inferred shapes with the batch pinned to one. A node that multiplies and whose
shapes stay open makes the whole count unknown.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path, PurePosixPath

import onnx
from onnx import GraphProto, NodeProto, TensorProto, helper, shape_inference

from benchfleet.controller.inspection.facts import Count, ModelFacts, TensorFacts, precision_of
from benchfleet.core.errors import DocumentError

_CONV = {"Conv", "ConvInteger", "QLinearConv", "FusedConv", "ConvTranspose"}
_MATMUL = {"MatMul", "MatMulInteger", "QLinearMatMul", "FusedMatMul"}
_GEMM = {"Gemm", "QGemm", "FusedGemm"}
_UNCOUNTED = {"LSTM", "GRU", "RNN", "Attention", "MultiHeadAttention", "Einsum", "DeformConv"}
_QUANTISATION = {"QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear"}
_PARAMETER_INPUTS_OF_QUANTISED = {
    "QLinearConv": (3, 8),
    "QLinearMatMul": (3,),
    "ConvInteger": (1,),
    "MatMulInteger": (1,),
}
_FLOATING = (TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.DOUBLE)

Shape = tuple[int, ...] | None


def read(path: Path) -> ModelFacts:
    """The facts; DocumentError for external data that leaves the model's folder and for what is no ONNX graph."""
    model = onnx.load(str(path), load_external_data=False)
    graph = model.graph
    if not graph.node and not graph.output:
        raise DocumentError("is not an ONNX model (no graph in it); export it to ONNX or TFLite")
    external = tuple(sorted(_external_data(model)))
    constants = list(_weights(graph))
    bytes_by_dtype: Counter[str] = Counter()
    parameters = 0
    for tensor in constants:
        count = math.prod(tensor.dims)
        parameters += count
        bytes_by_dtype[_dtype(tensor.data_type)] += _size_bytes(tensor.data_type, count)
    precision, shares = precision_of(dict(bytes_by_dtype))
    held = {t.name for t in graph.initializer}
    inputs = tuple(_tensor(v) for v in graph.input if v.name not in held)
    return ModelFacts(
        file=path.name,
        digest="",
        size_bytes=0,
        format="onnx",
        inputs=inputs,
        outputs=tuple(_tensor(v) for v in graph.output),
        precision=precision,
        precision_shares=shares,
        parameters=Count(value=parameters) if constants else Count(value=None, reason="no weights found in the file"),
        weight_bytes=Count(value=sum(bytes_by_dtype.values()))
        if constants
        else Count(value=None, reason="no weights found in the file"),
        macs=_macs(model),
        operators=dict(sorted(Counter(n.op_type for g in _graphs(graph) for n in g.node).items())),
        opset={o.domain or "ai.onnx": o.version for o in model.opset_import},
        external_data=external,
        dynamic_batch=bool(inputs) and all(t.shape and not isinstance(t.shape[0], int) for t in inputs),
    )


def _graphs(graph: GraphProto) -> Iterator[GraphProto]:
    """A graph and every graph inside its nodes (If, Loop, Scan)."""
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.GRAPH:
                yield from _graphs(attribute.g)
            for inner in attribute.graphs:
                yield from _graphs(inner)


def _constants(graph: GraphProto) -> Iterator[tuple[str, TensorProto]]:
    for tensor in graph.initializer:
        yield tensor.name, tensor
    for node in graph.node:
        if node.op_type == "Constant":
            for attribute in node.attribute:
                if attribute.name == "value":
                    yield node.output[0], attribute.t


def _external_data(model: onnx.ModelProto) -> set[str]:
    found = set()
    for graph in _graphs(model.graph):
        for _, tensor in _constants(graph):
            if tensor.data_location != TensorProto.EXTERNAL:
                continue
            location = next((e.value for e in tensor.external_data if e.key == "location"), "")
            name = PurePosixPath(location.replace("\\", "/"))
            if not location or name.is_absolute() or ".." in name.parts:
                raise DocumentError(
                    f"tensor {tensor.name!r} keeps its data in {location!r}, outside the model's folder; "
                    "store the weights inside the file"
                )
            found.add(location)
    return found


def _weights(graph: GraphProto) -> Iterator[TensorProto]:
    """Constants that a network learns: floating point or quantised weights, without scales, zero points and shapes."""
    for g in _graphs(graph):
        helpers: set[str] = set()
        learned: set[str] = set()
        for node in g.node:
            if node.op_type in _QUANTISATION:
                helpers.update(node.input[1:3])
                learned.update(node.input[:1])
            elif node.op_type in _PARAMETER_INPUTS_OF_QUANTISED:
                wanted = _PARAMETER_INPUTS_OF_QUANTISED[node.op_type]
                learned.update(name for i, name in enumerate(node.input) if i in wanted)
                helpers.update(name for i, name in enumerate(node.input) if i not in wanted)
        for name, tensor in _constants(g):
            floating = tensor.data_type in _FLOATING
            if name in learned or (name not in helpers and floating and _is_weight(g, name, tensor)):
                yield tensor


def _is_weight(graph: GraphProto, name: str, tensor: TensorProto) -> bool:
    """A floating constant with at least one dimension; scalars are bounds of Clip, epsilons and the like."""
    return bool(tensor.dims) and any(
        name in node.input and node.op_type not in ("Clip", "Resize", "Upsample", "Pad") for node in graph.node
    )


def _dtype(data_type: int) -> str:
    name = str(TensorProto.DataType.Name(data_type)).lower()
    return {"float": "float32", "double": "float64"}.get(name, name)


def _size_bytes(data_type: int, count: int) -> int:
    if "INT4" in TensorProto.DataType.Name(data_type):
        return (count + 1) // 2
    return count * int(helper.tensor_dtype_to_np_dtype(data_type).itemsize)


def _tensor(value: onnx.ValueInfoProto) -> TensorFacts:
    kind = value.type.tensor_type
    sizes: list[int | str | None] = []
    for dim in kind.shape.dim:
        if dim.HasField("dim_value"):
            sizes.append(dim.dim_value)
        else:
            sizes.append(dim.dim_param or None)
    return TensorFacts(name=value.name, dtype=_dtype(kind.elem_type), shape=tuple(sizes))


def _macs(model: onnx.ModelProto) -> Count:
    if any(n.op_type in ("If", "Loop", "Scan") for n in model.graph.node):
        return Count(value=None, reason="control flow (If, Loop, Scan): how often it runs is not in the file")
    pinned = onnx.ModelProto()
    pinned.CopyFrom(model)
    for value in pinned.graph.input:
        shape = value.type.tensor_type.shape
        if shape.dim and not shape.dim[0].HasField("dim_value"):
            shape.dim[0].dim_value = 1
    del pinned.graph.value_info[:]
    for value in pinned.graph.output:
        value.type.tensor_type.ClearField("shape")
    try:
        _sort(pinned.graph)
        inferred = shape_inference.infer_shapes(pinned, data_prop=True).graph
    except CycleError:
        return Count(value=None, reason="the graph has a cycle")
    except Exception as error:  # the vendor raises its own types
        return Count(value=None, reason=f"shape inference failed: {str(error).splitlines()[0][:160]}")
    shapes = _shapes(inferred)
    total = 0
    for node in inferred.node:
        if node.op_type in _UNCOUNTED:
            return Count(value=None, reason=f"node {node.name or node.output[0]!r}: {node.op_type} is not counted yet")
        count = _node_macs(node, shapes)
        if count is None:
            return Count(value=None, reason=f"node {node.name or node.output[0]!r} ({node.op_type}): its shape is open")
        total += count
    return Count(value=total)


def _sort(graph: GraphProto) -> None:
    """Puts the nodes in order of their data, as the standard demands and some converters forget."""
    maker = {name: i for i, node in enumerate(graph.node) for name in node.output}
    order = TopologicalSorter(
        {i: {maker[name] for name in node.input if name in maker} for i, node in enumerate(graph.node)}
    )
    nodes = [graph.node[i] for i in order.static_order()]
    del graph.node[:]
    graph.node.extend(nodes)


def _shapes(graph: GraphProto) -> dict[str, Shape]:
    shapes: dict[str, Shape] = {name: tuple(t.dims) for name, t in _constants(graph)}
    for value in (*graph.input, *graph.value_info, *graph.output):
        if not value.type.tensor_type.HasField("shape"):
            continue
        dims = value.type.tensor_type.shape.dim
        sizes = tuple(d.dim_value for d in dims if d.HasField("dim_value"))
        shapes.setdefault(value.name, sizes if len(sizes) == len(dims) else None)
    return shapes


def _node_macs(node: NodeProto, shapes: dict[str, Shape]) -> int | None:
    """Multiply-accumulates of one node; 0 for those that do not multiply matrices, None when a shape is open."""
    kind = node.op_type
    if kind in _CONV:
        weight = shapes.get(node.input[3 if kind == "QLinearConv" else 1])
        made = shapes.get(node.input[0] if kind == "ConvTranspose" else node.output[0])
        if weight is None or made is None:
            return None
        # Conv: each output element needs weight.size / out_channels; ConvTranspose: the same from each input element.
        return math.prod(made) * math.prod(weight[1:])
    if kind in _MATMUL:
        right = shapes.get(node.input[3 if kind == "QLinearMatMul" else 1])
        made = shapes.get(node.output[0])
        if right is None or made is None:
            return None
        return math.prod(made) * (right[-2] if len(right) > 1 else right[0])
    if kind in _GEMM:
        left, made = shapes.get(node.input[0]), shapes.get(node.output[0])
        if left is None or made is None:
            return None
        transposed = any(a.name == "transA" and a.i for a in node.attribute)
        return math.prod(made) * left[0 if transposed else 1]
    return 0
