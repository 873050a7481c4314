"""Peak activation bytes of an ONNX graph whose shapes were inferred."""

from __future__ import annotations

import math

from onnx import GraphProto, TensorProto, ValueInfoProto

from benchfleet.controller.inspection.facts import Count
from benchfleet.controller.inspection.liveness import peak_bytes
from benchfleet.controller.inspection.onnx_shapes import beyond, shapes_of
from benchfleet.controller.inspection.onnx_weights import constants_of, label, size_bytes_of

CONTROL_FLOW = {"If", "Loop", "Scan"}


def count_peak(graph: GraphProto) -> Count:
    """The peak; nodes must be in order. Nodes that compute with constants alone (a DequantizeLinear of weights) hold
    weights, which are not activations.
    """
    constant = {name for name, _ in constants_of(graph)}
    if huge := beyond(shapes_of(graph)):
        return Count(value=None, reason=f"tensor {huge!r} has more elements than any device holds")
    known = {v.name: _size_bytes(v) for v in (*graph.input, *graph.value_info, *graph.output)}
    sizes: dict[str, int] = {}
    steps = []
    for node in graph.node:
        if node.op_type in CONTROL_FLOW:
            return Count(
                value=None, reason=f"node {label(node)}: control flow ({node.op_type}) holds tensors of its own"
            )
        if all(name in constant for name in node.input if name):
            constant.update(node.output)
            continue
        for name in filter(None, node.output):
            size_bytes = known.get(name)
            if size_bytes is None:
                return Count(value=None, reason=f"tensor {name!r} of node {label(node)}: its shape is open")
            sizes[name] = size_bytes
        steps.append((list(node.input), list(node.output)))
    inputs = [v.name for v in graph.input if v.name not in constant]
    for name in inputs:
        size_bytes = known[name]
        if size_bytes is None:
            return Count(value=None, reason=f"input {name!r}: its shape is open")
        sizes[name] = size_bytes
    return Count(value=peak_bytes(steps, inputs, [v.name for v in graph.output], sizes))


def _size_bytes(value: ValueInfoProto) -> int | None:
    kind = value.type.tensor_type
    dims = kind.shape.dim
    if kind.elem_type in (TensorProto.UNDEFINED, TensorProto.STRING) or not kind.HasField("shape"):
        return None
    if any(not dim.HasField("dim_value") or dim.dim_value < 0 for dim in dims):
        return None
    return size_bytes_of(kind.elem_type, math.prod(dim.dim_value for dim in dims))
