"""Multiply-accumulates of an ONNX graph, from inferred shapes, with an open batch pinned to one.

A node that multiplies and whose shapes stay open, or that we do not know, makes the whole count unknown: a partial sum
would pass for a measurement.
"""

from __future__ import annotations

import math
from graphlib import CycleError, TopologicalSorter

from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, inliner, shape_inference

from benchfleet.controller.inspection.facts import Count
from benchfleet.controller.inspection.onnx_fold import fold
from benchfleet.controller.inspection.onnx_memory import CONTROL_FLOW, count_peak
from benchfleet.controller.inspection.onnx_weights import constants_of, label, tensors_of

_CONV = {"Conv", "ConvInteger", "QLinearConv", "FusedConv", "ConvTranspose"}
_MATMUL = {"MatMul", "MatMulInteger", "QLinearMatMul", "FusedMatMul"}
_GEMM = {"Gemm", "QGemm", "FusedGemm"}
_RECURRENT = {"LSTM", "GRU", "RNN"}
_UNCOUNTED = {"Attention", "DeformConv", "DFT", "STFT"}
_STANDARD = {"", "ai.onnx"}
_CONTRIB = {"com.microsoft", "com.microsoft.nchwc"}
_CONTRIB_WITHOUT_PRODUCTS = {
    "QuantizeLinear", "DequantizeLinear", "QLinearAdd", "QLinearMul", "QLinearAveragePool", "QLinearGlobalAveragePool",
    "QLinearConcat", "QLinearSigmoid", "QLinearLeakyRelu", "QLinearSoftmax", "QLinearReduceMean", "Gelu", "FastGelu",
    "BiasGelu", "QuickGelu", "SkipLayerNormalization", "SkipSimplifiedLayerNormalization",
    "SimplifiedLayerNormalization", "EmbedLayerNormalization", "LayerNormalization",
}  # fmt: skip
_PAYLOAD = ("raw_data", "float_data", "int32_data", "int64_data", "double_data", "uint64_data", "string_data")
_KEPT_ELEMENTS = 1024
"""Longer constants hold weights, not shapes: their bytes are dropped before the graph is copied for inference."""

Shape = tuple[int, ...] | None


def count_work(model: ModelProto) -> tuple[Count, Count]:
    """Multiply-accumulates and peak activation bytes; `model` is used up."""
    try:
        graph = _inferred(model)
    except CycleError:
        unknown = Count(value=None, reason="the graph has a cycle")
        return unknown, unknown
    except Exception as error:  # the vendor raises its own types
        why = f"shape inference failed: {(str(error).splitlines() or ['?'])[0][:160]}"
        return Count(value=None, reason=why), Count(value=None, reason=why)
    return _count_macs(graph), count_peak(graph)


def _count_macs(graph: GraphProto) -> Count:
    shapes = _shapes(graph)
    total = 0
    for node in graph.node:
        why = _unknown(node)
        if why is not None:
            return Count(value=None, reason=f"node {label(node)}: {why}")
        count = _node_macs(node, shapes)
        if count is None:
            return Count(value=None, reason=f"node {label(node)} ({node.op_type}): its shape is open")
        total += count
    return Count(value=total)


def _unknown(node: NodeProto) -> str | None:
    kind, domain = node.op_type, node.domain
    if kind in CONTROL_FLOW:
        return f"control flow ({kind}): how often it runs is not in the file"
    if kind in _CONV | _MATMUL | _GEMM and domain in _STANDARD | _CONTRIB:
        return None
    if kind in _UNCOUNTED:
        return f"{kind} is not counted yet"
    if domain in _STANDARD or (domain in _CONTRIB and kind in _CONTRIB_WITHOUT_PRODUCTS):
        return None
    return f"operator {domain}.{kind} is not known here, so neither is what it multiplies"


def _inferred(model: ModelProto) -> GraphProto:
    for tensor in tensors_of(model):
        if math.prod(tensor.dims) > _KEPT_ELEMENTS:
            for name in _PAYLOAD:
                tensor.ClearField(name)
    if model.functions:
        model = inliner.inline_local_functions(model)
    for value in model.graph.input:
        shape = value.type.tensor_type.shape
        if shape.dim and not shape.dim[0].HasField("dim_value"):
            shape.dim[0].dim_value = 1
    # What the file says of shapes was written for its own batch, and may be wrong.
    del model.graph.value_info[:]
    for value in model.graph.output:
        value.type.tensor_type.ClearField("shape")
    _sort(model.graph)
    fold(model)
    return shape_inference.infer_shapes(model, data_prop=True).graph


def _sort(graph: GraphProto) -> None:
    """Puts the nodes in order of their data, as the standard demands and some converters forget."""
    maker = {name: i for i, node in enumerate(graph.node) for name in node.output if name}
    order = TopologicalSorter(
        {i: {maker[name] for name in _needs(node) if name in maker} - {i} for i, node in enumerate(graph.node)}
    )
    nodes = [graph.node[i] for i in order.static_order()]
    copies = [NodeProto.FromString(node.SerializeToString()) for node in nodes]
    del graph.node[:]
    graph.node.extend(copies)


def _needs(node: NodeProto) -> list[str]:
    inner = (n for a in node.attribute if a.type == AttributeProto.GRAPH for n in a.g.node)
    return [*node.input, *(name for n in inner for name in _needs(n))]


def _shapes(graph: GraphProto) -> dict[str, Shape]:
    shapes: dict[str, Shape] = {name: tuple(t.dims) for name, t in constants_of(graph)}
    shapes.update((s.values.name, tuple(s.dims)) for s in graph.sparse_initializer)  # not of the values alone
    for value in (*graph.input, *graph.value_info, *graph.output):
        if not value.type.tensor_type.HasField("shape"):
            continue
        dims = value.type.tensor_type.shape.dim
        sizes = tuple(d.dim_value for d in dims if d.HasField("dim_value") and d.dim_value >= 0)
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
        if not right or made is None:
            return None
        return math.prod(made) * right[_inner_axis(node, right)]
    if kind in _GEMM:
        left, made = shapes.get(node.input[0]), shapes.get(node.output[0])
        if left is None or made is None or len(left) != 2:
            return None
        return math.prod(made) * left[0 if _flag(node, "transA") else 1]
    if kind in _RECURRENT:
        return _recurrent_macs(node, shapes)
    return _einsum_macs(node, shapes) if kind == "Einsum" else 0


def _recurrent_macs(node: NodeProto, shapes: dict[str, Shape]) -> int | None:
    """Every step multiplies by W and by R; peepholes work element by element. With lengths of their own: unknown."""
    if len(node.input) > 4 and node.input[4]:
        return None
    given, weight, recurrent = (shapes.get(name) for name in node.input[:3])
    if given is None or weight is None or recurrent is None or len(given) != 3:
        return None
    return given[0] * given[1] * (math.prod(weight) + math.prod(recurrent))


def _einsum_macs(node: NodeProto, shapes: dict[str, Shape]) -> int | None:
    """The product of all index sizes for two operands; more are multiplied in an order that is the runtime's."""
    if len(node.input) == 1:
        return 0
    equation = next((a.s.decode("utf-8", "replace") for a in node.attribute if a.name == "equation"), "")
    terms = equation.replace(" ", "").split("->")[0].split(",")
    sizes: dict[str, int] = {}
    for term, name in zip(terms, node.input, strict=False):
        shape = shapes.get(name)
        if shape is None or len(shape) != len(term) or not term.isalpha():
            return None
        for index, size in zip(term, shape, strict=True):
            sizes[index] = max(size, sizes.get(index, 1))
    return math.prod(sizes.values()) if len(terms) == len(node.input) == 2 else None


def _inner_axis(node: NodeProto, right: tuple[int, ...]) -> int:
    return -1 if len(right) == 1 or _flag(node, "transB") else -2


def _flag(node: NodeProto, name: str) -> bool:
    return any(a.name == name and a.i for a in node.attribute)
