"""Multiply-accumulates of a TFLite graph. The file holds every shape; an open batch stands in it as 1.

An operator that multiplies in a way that is not known here makes the count unknown: it is never taken for 0.
https://github.com/tensorflow/tensorflow/blob/master/tensorflow/compiler/mlir/lite/schema/schema.fbs
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import tflite

from benchfleet.controller.inspection.facts import Count
from benchfleet.controller.inspection.tflite_memory import ELEMENTS_MAX, open_inside

CUSTOM = "CUSTOM:"
CONTROL_FLOW = {"IF", "WHILE", "CALL", "STABLEHLO_WHILE"}
"""CALL_ONCE is not among them: it fills variables at the first call and is no part of the others."""
_STRANGE = {"DELEGATE", "PLACEHOLDER_FOR_GREATER_OP_CODES", "RFFT2D", "REDUCE_WINDOW"}
_STABLEHLO_PLAIN = {
    "LOGISTIC", "ADD", "DIVIDE", "MULTIPLY", "MAXIMUM", "RESHAPE", "CLAMP", "CONCATENATE", "BROADCAST_IN_DIM", "SLICE",
    "ABS", "AND", "COSINE", "EXPONENTIAL", "FLOOR", "LOG", "MINIMUM", "NEGATE", "OR", "POWER", "REMAINDER", "RSQRT",
    "SELECT", "SUBTRACT", "TANH", "COMPARE", "CONVERT", "DYNAMIC_SLICE", "DYNAMIC_UPDATE_SLICE", "PAD", "IOTA",
    "GATHER", "TRANSPOSE", "SHIFT_LEFT", "CBRT",
}  # fmt: skip
"""Those that work element by element or move data; the others multiply, or hold graphs of their own."""
COMPOSITE = "STABLEHLO_COMPOSITE"
DEPTH_MAX = 16
"""Of composites inside composites; a file may name itself."""


class _UnknownError(Exception):
    """Why the count of a graph is unknown."""


def count_macs(graphs: list[Any], codes: list[str]) -> Count:
    """Those of one call of the first graph."""
    try:
        return Count(value=_graph_macs(graphs, codes, 0, 0))
    except _UnknownError as error:
        return Count(value=None, reason=str(error))


def _graph_macs(graphs: list[Any], codes: list[str], index: int, depth: int) -> int:
    if depth > DEPTH_MAX or not 0 <= index < len(graphs):
        raise _UnknownError(f"subgraph {index} is not in the file, or contains itself")
    graph = graphs[index]
    return sum(_operator_macs(graphs, codes, graph, i, depth) for i in range(graph.OperatorsLength()))


def _operator_macs(graphs: list[Any], codes: list[str], graph: Any, place: int, depth: int) -> int:
    operator = graph.Operators(place)
    kind = codes[operator.OpcodeIndex()]
    where = f"operator {place} ({kind})"
    if kind in CONTROL_FLOW:
        raise _UnknownError(f"{where}: how often its subgraphs run is not in the file")
    if kind == COMPOSITE:
        return _graph_macs(graphs, codes, _decomposition(operator), depth + 1)
    if kind in _STRANGE or kind.startswith((CUSTOM, "BUILTIN_")):
        raise _UnknownError(f"{where}: what it multiplies is not known here")
    if kind.startswith("STABLEHLO_") and kind.removeprefix("STABLEHLO_") not in _STABLEHLO_PLAIN:
        raise _UnknownError(f"{where}: what it multiplies is not known here")
    rule = _RULES.get(kind)
    if rule is None:
        return 0
    for tensor in _tensors(graph, operator):
        if open_inside(tensor):
            raise _UnknownError(f"{where}: its shape is open")
        if tensor.Sparsity() is not None:
            raise _UnknownError(f"{where}: what a runtime multiplies of a sparse weight is its own choice")
        if math.prod(_sizes(tensor)) > ELEMENTS_MAX:
            raise _UnknownError(f"{where}: has a tensor with more elements than any device holds")
    try:
        count = rule(graph, operator)
    except _UnknownError as error:
        raise _UnknownError(f"{where}: {error}") from error
    if count is None or count <= 0:
        raise _UnknownError(f"{where}: its shape is open")
    return count


def _tensors(graph: Any, operator: Any) -> list[Any]:
    places = [operator.Inputs(i) for i in range(operator.InputsLength())]
    places += [operator.Outputs(i) for i in range(operator.OutputsLength())]
    return [graph.Tensors(place) for place in places if place >= 0]


def _sizes(tensor: Any) -> list[int]:
    return [tensor.Shape(i) for i in range(tensor.ShapeLength())]


def _given(graph: Any, operator: Any, index: int) -> list[int]:
    place = operator.Inputs(index) if index < operator.InputsLength() else -1
    return _sizes(graph.Tensors(place)) if place >= 0 else []


def _made(graph: Any, operator: Any) -> list[int]:
    return _sizes(graph.Tensors(operator.Outputs(0)))


def _convolution(graph: Any, operator: Any) -> int | None:
    """OHWI with the channels of one group."""
    given, weight, made = _given(graph, operator, 0), _given(graph, operator, 1), _made(graph, operator)
    if len(given) != 4 or len(weight) != 4 or len(made) != 4 or made[3] != weight[0] or given[3] % max(1, weight[3]):
        raise _misfit(given, weight)
    return math.prod(made) * math.prod(weight[1:])


def _dense(graph: Any, operator: Any) -> int | None:
    """[out, in]."""
    given, weight, made = _given(graph, operator, 0), _given(graph, operator, 1), _made(graph, operator)
    if len(weight) != 2 or not made or math.prod(given) * weight[0] != math.prod(made) * weight[1]:
        raise _misfit(given, weight)
    return math.prod(made) * weight[1]


def _misfit(given: list[int], weight: list[int]) -> _UnknownError:
    return _UnknownError(f"its weight of {weight} does not fit an input of {given}")


def _depthwise(graph: Any, operator: Any) -> int | None:
    weight, made = _given(graph, operator, 1), _made(graph, operator)
    return math.prod(made) * weight[1] * weight[2] if made and len(weight) == 4 else None


def _transposed(graph: Any, operator: Any) -> int | None:
    """Each input element meets the whole kernel of its channel: OHWI in two dimensions, DHWOI in three."""
    weight, given = _given(graph, operator, 1), _given(graph, operator, 2)
    return math.prod(given) * math.prod(weight[:-1]) if given and weight else None


def _convolution_3d(graph: Any, operator: Any) -> int | None:
    """DHWIO."""
    weight, made = _given(graph, operator, 1), _made(graph, operator)
    return math.prod(made) * math.prod(weight[:-1]) if made and len(weight) == 5 else None


def _product(graph: Any, operator: Any) -> int | None:
    """The inner axis is the last of the left operand and the last but one of the right, unless adj_x, adj_y."""
    left, right, made = _given(graph, operator, 0), _given(graph, operator, 1), _made(graph, operator)
    table, options = operator.BuiltinOptions(), tflite.BatchMatMulOptions()
    adj_x = adj_y = False
    if table is not None:
        options.Init(table.Bytes, table.Pos)
        adj_x, adj_y = bool(options.AdjX()), bool(options.AdjY())
    if len(left) < 2 or len(right) < 2 or left[-2 if adj_x else -1] != right[-1 if adj_y else -2]:
        raise _misfit(left, right)
    return math.prod(made) * left[-2 if adj_x else -1] if made else None


def _recurrent(graph: Any, operator: Any) -> int | None:
    """Every step multiplies by each matrix of weights; states are matrices too, and are variables."""
    given = _given(graph, operator, 0)
    if len(given) not in (2, 3):
        return None
    places = [operator.Inputs(i) for i in range(1, operator.InputsLength())]
    tensors = [graph.Tensors(place) for place in places if place >= 0]
    weights = [sizes for t in tensors if len(sizes := _sizes(t)) == 2 and not t.IsVariable()]
    return math.prod(given[:-1]) * sum(math.prod(sizes) for sizes in weights) if weights else None


def _lstm(graph: Any, operator: Any) -> int | None:
    """One step; the basic kernel has five inputs, of which only the third is weights."""
    if operator.InputsLength() != 5:
        return _recurrent(graph, operator)
    given, weight = _given(graph, operator, 0), _given(graph, operator, 2)
    return given[0] * math.prod(weight) if len(given) == len(weight) == 2 else None


def _decomposition(operator: Any) -> int:
    table, options = operator.BuiltinOptions2(), tflite.StableHLOCompositeOptions()
    if table is None:
        return -1
    options.Init(table.Bytes, table.Pos)
    return int(options.DecompositionSubgraphIndex())


_RULES: dict[str, Callable[[Any, Any], int | None]] = {
    "CONV_2D": _convolution,
    "FULLY_CONNECTED": _dense,
    "DEPTHWISE_CONV_2D": _depthwise,
    "TRANSPOSE_CONV": _transposed,
    "CONV_3D_TRANSPOSE": _transposed,
    "CONV_3D": _convolution_3d,
    "BATCH_MATMUL": _product,
    "LSTM": _lstm,
    **dict.fromkeys(
        ("RNN", "SVDF", "UNIDIRECTIONAL_SEQUENCE_RNN", "BIDIRECTIONAL_SEQUENCE_RNN", "UNIDIRECTIONAL_SEQUENCE_LSTM",
         "BIDIRECTIONAL_SEQUENCE_LSTM"), _recurrent,
    ),
}  # fmt: skip
MULTIPLYING = frozenset(_RULES)
"""Operators whose whole-number operands, their biases, are learned too."""
