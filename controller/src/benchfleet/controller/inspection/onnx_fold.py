"""Computes the short integer chains that exporters leave before a Pad or Reshape, so that shapes behind them are known.

torch writes the pads of a padded convolution as ConstantOfShape, Concat, Reshape, Slice, Transpose: constants in all
but name, which shape inference alone does not follow. Only these operators, and only short vectors, are ever computed.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from benchfleet.controller.inspection.onnx_weights import constants_of

Array = np.ndarray[Any, np.dtype[Any]]
ELEMENTS_MAX = 1024
"""No shape or padding is longer; a hostile ConstantOfShape is."""
CONSTANTS_MAX = 20_000
"""Computed or given: each costs a quarter of a millisecond; real models have some hundreds."""
_FOLDED = {
    "Cast",
    "Concat",
    "ConstantOfShape",
    "Gather",
    "Identity",
    "Reshape",
    "Slice",
    "Squeeze",
    "Transpose",
    "Unsqueeze",
}
_INTEGERS = (TensorProto.INT32, TensorProto.INT64)


def fold(model: ModelProto) -> None:
    """Replaces nodes whose inputs are short integer constants by their value; nodes must be in order."""
    graph = model.graph
    known: dict[str, Array] = {}
    for name, tensor in constants_of(graph):
        if tensor.data_type in _INTEGERS and tensor.data_location != TensorProto.EXTERNAL and _short(tensor.dims):
            known[name] = numpy_helper.to_array(tensor)
    kept: list[NodeProto] = []
    for node in graph.node:
        value = _value(node, known, model) if len(known) < CONSTANTS_MAX else None
        if value is None:
            kept.append(NodeProto.FromString(node.SerializeToString()))
        else:
            known[node.output[0]] = value
            graph.initializer.append(numpy_helper.from_array(value, node.output[0]))
    del graph.node[:]
    graph.node.extend(kept)


def _short(sizes: Iterable[int]) -> bool:
    return 0 <= math.prod(sizes) <= ELEMENTS_MAX


def _value(node: NodeProto, known: dict[str, Array], model: ModelProto) -> Array | None:
    inputs = [name for name in node.input if name]
    if node.op_type not in _FOLDED or node.domain not in ("", "ai.onnx") or not all(n in known for n in inputs):
        return None
    if node.op_type == "ConstantOfShape" and not _short(known[node.input[0]].tolist()):
        return None
    value = _computed(node, {name: known[name] for name in inputs}, model)
    return value if value.dtype in (np.int32, np.int64) and value.size <= ELEMENTS_MAX else None


def _computed(node: NodeProto, feeds: dict[str, Array], model: ModelProto) -> Array:
    given = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
        for name, array in feeds.items()
    ]
    made = helper.make_tensor_value_info(node.output[0], TensorProto.INT64, None)
    graph = helper.make_graph([node], "one", given, [made])
    alone = helper.make_model(graph, opset_imports=model.opset_import, ir_version=model.ir_version)
    outputs: Any = ReferenceEvaluator(alone).run(None, feeds)
    return np.asarray(outputs[0])
