"""Multiply-accumulates of an ONNX graph whose shapes were inferred.

A node that multiplies and whose shapes stay open, or that we do not know, makes the whole count unknown: a partial sum
would pass for a measurement.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

from onnx import GraphProto, NodeProto, defs

from benchfleet.controller.inspection.facts import Count
from benchfleet.controller.inspection.onnx_contrib import CONTRIB, DOMAIN, attributes_of, contrib_macs
from benchfleet.controller.inspection.onnx_memory import CONTROL_FLOW
from benchfleet.controller.inspection.onnx_shapes import Shape, beyond, shapes_of
from benchfleet.controller.inspection.onnx_weights import label

Shapes = dict[str, Shape]
_STANDARD = {"", "ai.onnx"}
_UNCOUNTED = {
    "AffineGrid", "CausalConvWithState", "DFT", "Det", "FlexAttention", "LinearAttention", "MelWeightMatrix",
    "SequenceMap", "STFT",
}  # fmt: skip
"""Standard operators that multiply in a way that has no one count, or none yet."""
OPEN = "its shape is open"


def count_macs(graph: GraphProto) -> Count:
    """The sum over all nodes, or which node makes it unknown."""
    shapes = shapes_of(graph)
    if huge := beyond(shapes):
        return Count(value=None, reason=f"tensor {huge!r} has more elements than any device holds")
    total = 0
    for node in graph.node:
        why = _unknown(node)
        if why is not None:
            return Count(value=None, reason=f"node {label(node)}: {why}")
        why = _misfit(node, shapes)
        if why is not None:
            return Count(value=None, reason=f"node {label(node)} ({node.op_type}): {why}")
        count = _node_macs(node, shapes)
        if count is None:
            return Count(value=None, reason=f"node {label(node)} ({node.op_type}): {OPEN}")
        total += count
    return Count(value=total)


def foreign(nodes: Iterable[NodeProto]) -> NodeProto | None:
    """A node that is neither of the standard nor known here: what it holds and what it multiplies is its own."""
    return next((node for node in nodes if not _known(node)), None)


def _known(node: NodeProto) -> bool:
    if node.domain in _STANDARD:
        return bool(defs.has(node.op_type, ""))
    return node.domain == DOMAIN and node.op_type in CONTRIB


def _unknown(node: NodeProto) -> str | None:
    kind = node.op_type
    if kind in CONTROL_FLOW:
        return f"control flow ({kind}): how often it runs is not in the file"
    if not _known(node):
        return f"operator {node.domain or 'ai.onnx'}.{kind} is not known here, so neither is what it multiplies"
    if node.domain in _STANDARD and kind in _UNCOUNTED:
        return f"{kind} is not counted yet"
    return None


def _misfit(node: NodeProto, shapes: Shapes) -> str | None:
    """Where shape inference lets pass what no runtime would run: a weight for another number of channels."""
    places = _CHANNELS.get(node.op_type)
    if places is None or node.domain not in _STANDARD:
        return None
    weight_input, axis = places
    given, weight = _shape(node, 0, shapes), _shape(node, weight_input, shapes)
    if given is None or weight is None or len(given) < 2 or len(weight) <= axis:
        return None
    attributes = attributes_of(node)
    if node.op_type == "Gemm":
        fits = given[0 if attributes.number("transA") else 1] == weight[1 if attributes.number("transB") else 0]
    elif node.op_type in _RECURRENT:
        fits = given[-1] == weight[axis]
    else:
        groups = attributes.number("group", 1) if axis else 1
        fits = given[1] == weight[axis] * groups
    return None if fits else f"its weight of {list(weight)} does not fit an input of {list(given)}"


def _node_macs(node: NodeProto, shapes: Shapes) -> int | None:
    """Multiply-accumulates of one node; 0 for those that do not multiply matrices, None when a shape is open."""
    if node.domain not in _STANDARD:
        return contrib_macs(node, [shapes.get(name) for name in node.input], shapes.get(node.output[0]))
    rule = _RULES.get(node.op_type)
    return 0 if rule is None else rule(node, shapes)


def _convolution(weight: int) -> Callable[[NodeProto, Shapes], int | None]:
    """Each output element needs weight.size / out_channels; the weight has the channels of one group alone."""

    def count(node: NodeProto, shapes: Shapes) -> int | None:
        kernel, made = _shape(node, weight, shapes), shapes.get(node.output[0])
        return None if kernel is None or made is None else math.prod(made) * math.prod(kernel[1:])

    return count


def _transposed(node: NodeProto, shapes: Shapes) -> int | None:
    """The same as a convolution, from each input element."""
    kernel, given = _shape(node, 1, shapes), _shape(node, 0, shapes)
    return None if kernel is None or given is None else math.prod(given) * math.prod(kernel[1:])


def _product(weight: int) -> Callable[[NodeProto, Shapes], int | None]:
    def count(node: NodeProto, shapes: Shapes) -> int | None:
        right, made = _shape(node, weight, shapes), shapes.get(node.output[0])
        if not right or made is None:
            return None
        return math.prod(made) * right[-1 if len(right) == 1 else -2]

    return count


def _gemm(node: NodeProto, shapes: Shapes) -> int | None:
    left, made = _shape(node, 0, shapes), shapes.get(node.output[0])
    if left is None or made is None or len(left) != 2:
        return None
    return math.prod(made) * left[0 if attributes_of(node).number("transA") else 1]


def _recurrent(node: NodeProto, shapes: Shapes) -> int | None:
    """Every step multiplies by W and by R; peepholes work element by element. With lengths of their own: unknown."""
    if len(node.input) > 4 and node.input[4]:
        return None
    given, weight, recurrent = (_shape(node, i, shapes) for i in range(3))
    if given is None or weight is None or recurrent is None or len(given) != 3:
        return None
    return given[0] * given[1] * (math.prod(weight) + math.prod(recurrent))


def _einsum(node: NodeProto, shapes: Shapes) -> int | None:
    """The product of all index sizes for two operands; more are multiplied in an order that is the runtime's."""
    if len(node.input) == 1:
        return 0
    terms = attributes_of(node).text("equation").replace(" ", "").split("->")[0].split(",")
    if not len(terms) == len(node.input) == 2:
        return None
    sizes: dict[str | int, int] = {}
    for term, name in zip(terms, node.input, strict=True):
        shape = shapes.get(name)
        indices = None if shape is None else _indices(term, len(shape))
        if shape is None or indices is None:
            return None
        for index, size in zip(indices, shape, strict=True):
            sizes[index] = max(size, sizes.get(index, 1))
    return math.prod(sizes.values())


def _indices(term: str, rank: int) -> list[str | int] | None:
    """A name for each axis; those of an ellipsis are numbered from the right, as they broadcast."""
    before, dots, after = term.partition("...")
    covered = rank - len(before) - len(after)
    if (before + after and not (before + after).isalpha()) or covered < 0 or (covered and not dots):
        return None
    return [*before, *range(-covered, 0), *after]


def _attention(node: NodeProto, shapes: Shapes) -> int | None:
    """Scores and their weighted sum, over all places: what a mask leaves out is computed and thrown away, or not."""
    query, key, made = _shape(node, 0, shapes), _shape(node, 1, shapes), shapes.get(node.output[0])
    if query is None or key is None or made is None or not len(query) == len(key) == len(made):
        return None
    places = key[-2]
    if len(node.input) > 4 and node.input[4]:
        past = _shape(node, 4, shapes)
        if past is None:
            return None
        places += past[-2]
    return math.prod(query[:-1]) * places * (query[-1] + made[-1])


def _shape(node: NodeProto, index: int, shapes: Shapes) -> Shape:
    return shapes.get(node.input[index]) if index < len(node.input) else None


_RECURRENT = {"LSTM", "GRU", "RNN"}
_CHANNELS = {
    "Conv": (1, 1), "ConvInteger": (1, 1), "DeformConv": (1, 1), "QLinearConv": (3, 1), "ConvTranspose": (1, 0),
    "Gemm": (1, 0), "LSTM": (1, 2), "GRU": (1, 2), "RNN": (1, 2),
}  # fmt: skip
"""Which input is the weight, and which of its axes must fit the channels of the input."""

_RULES: dict[str, Callable[[NodeProto, Shapes], int | None]] = {
    "Conv": _convolution(1),
    "ConvInteger": _convolution(1),
    "DeformConv": _convolution(1),
    "QLinearConv": _convolution(3),
    "ConvTranspose": _transposed,
    "MatMul": _product(1),
    "MatMulInteger": _product(1),
    "QLinearMatMul": _product(3),
    "Gemm": _gemm,
    "LSTM": _recurrent,
    "GRU": _recurrent,
    "RNN": _recurrent,
    "Einsum": _einsum,
    "Attention": _attention,
}
