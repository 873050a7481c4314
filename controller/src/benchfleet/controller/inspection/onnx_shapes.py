"""The shapes of everything in an ONNX graph, by the onnx package's inference, from inputs whose sizes are all known.

Open sizes come from the user (`--shape`), and one symbol has one size wherever it stands. What is left open in front is
taken for a batch of one, unless its name says that it is something else; the facts tell what was counted with.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter

from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, TensorShapeProto, ValueInfoProto, shape_inference

from benchfleet.controller.inspection.onnx_contrib import teach
from benchfleet.controller.inspection.onnx_fold import fold
from benchfleet.controller.inspection.onnx_weights import ELEMENTS_MAX, constants_of
from benchfleet.core.errors import DocumentError

Shape = tuple[int, ...] | None
_Dim = TensorShapeProto.Dimension
_BATCH = re.compile(r".*batch.*|n|b|bs", re.IGNORECASE)
_NO_BATCH = re.compile(r".*(seq|len|time|frame|height|width|token|step|past|point|edge|node).*|[thwl]", re.IGNORECASE)


def pin(graph: GraphProto, given: Mapping[str, tuple[int, ...]]) -> dict[str, tuple[int | None, ...]]:
    """Writes the sizes into the inputs; what each input was counted with, None where a size is still open."""
    held = {t.name for t in graph.initializer}
    inputs = {v.name: v.type.tensor_type.shape for v in graph.input if v.name not in held}
    for name in given:
        if name not in inputs:
            known = ", ".join(list(inputs)[:8]) or "none"
            raise DocumentError(f"--shape {name[:80]}: the model has no such input; there are: {known}")
    sizes: dict[str, int] = {}
    for name, wanted in given.items():
        _set(name, inputs[name], wanted, sizes)
    for dim in _batches(inputs, sizes, nameless=not given):
        size = sizes.setdefault(dim.dim_param, 1) if dim.dim_param else 1
        dim.dim_value = size
    for shape in inputs.values():
        for dim in shape.dim:
            if open_size(dim) and dim.dim_param in sizes:
                dim.dim_value = sizes[dim.dim_param]
            elif dim.HasField("dim_value") and open_size(dim):
                dim.ClearField("dim_value")
    return {n: tuple(None if open_size(d) else d.dim_value for d in shape.dim) for n, shape in inputs.items()}


def open_size(dim: _Dim) -> bool:
    """Whether a size is not told; exporters also write 0 or -1 for that."""
    return not dim.HasField("dim_value") or dim.dim_value < 1


def _set(name: str, shape: TensorShapeProto, wanted: tuple[int, ...], sizes: dict[str, int]) -> None:
    if len(shape.dim) != len(wanted):
        raise DocumentError(f"--shape {name[:80]}: the input has {len(shape.dim)} axes, not {len(wanted)}")
    for axis, (dim, size) in enumerate(zip(shape.dim, wanted, strict=True)):
        fixed = dim.dim_value if not open_size(dim) else sizes.get(dim.dim_param, size)
        if fixed != size:
            what = f"{dim.dim_param} is {fixed}" if open_size(dim) else f"the file says {fixed}"
            raise DocumentError(f"--shape {name[:80]}: axis {axis} is given as {size}, but {what}")
        if open_size(dim):
            if dim.dim_param:
                sizes[dim.dim_param] = size
            dim.dim_value = size


def _batches(inputs: Mapping[str, TensorShapeProto], sizes: Mapping[str, int], *, nameless: bool) -> Iterator[_Dim]:
    """The axes that may be taken for a batch: by their name, or as the first axis of which nothing else is said."""
    leading = [s.dim[0] for s in inputs.values() if len(s.dim) > 1 and open_size(s.dim[0])]
    inner = {d.dim_param for s in inputs.values() for d in s.dim[1:]}
    vague = {d.dim_param for d in leading} - {"", *sizes}
    vague = {symbol for symbol in vague if not _BATCH.fullmatch(symbol) and not _NO_BATCH.fullmatch(symbol)}
    for shape in inputs.values():
        for axis, dim in enumerate(shape.dim):
            symbol = dim.dim_param
            if not open_size(dim) or _NO_BATCH.fullmatch(symbol):
                continue
            if not symbol:
                batch = nameless and axis == 0 and len(shape.dim) > 1
            elif _BATCH.fullmatch(symbol):
                batch = len(shape.dim) > 1 and sum(d.dim_param == symbol for d in shape.dim) == 1
            else:
                batch = axis == 0 and vague == {symbol} and symbol not in inner
            if batch:
                yield dim


def infer(model: ModelProto) -> GraphProto:
    """The graph with the shapes of its values; `model` has its inputs pinned, and is used up. CycleError as of sort."""
    # What the file says of shapes was written for its own batch, and may be wrong.
    del model.graph.value_info[:]
    for value in model.graph.output:
        value.ClearField("type")
    sort(model.graph)
    fold(model)
    teach()
    return shape_inference.infer_shapes(model, data_prop=True).graph


def sort(graph: GraphProto) -> None:
    """Puts the nodes in order of their data, as the standard demands and some converters forget."""
    maker = {name: i for i, node in enumerate(graph.node) for name in node.output if name}
    order = TopologicalSorter(
        {i: {maker[name] for name in _needs(node) if name in maker} - {i} for i, node in enumerate(graph.node)}
    )
    if any(name in node.input for node in graph.node for name in node.output if name):
        raise CycleError("a node reads what it makes")
    nodes = [graph.node[i] for i in order.static_order()]
    copies = [NodeProto.FromString(node.SerializeToString()) for node in nodes]
    del graph.node[:]
    graph.node.extend(copies)


def _needs(node: NodeProto) -> list[str]:
    inner = (n for a in node.attribute if a.type == AttributeProto.GRAPH for n in a.g.node)
    return [*node.input, *(name for n in inner for name in _needs(n))]


def shapes_of(graph: GraphProto) -> dict[str, Shape]:
    """By name; None where a size is open."""
    shapes: dict[str, Shape] = {name: tuple(t.dims) for name, t in constants_of(graph)}
    shapes.update((s.values.name, tuple(s.dims)) for s in graph.sparse_initializer)  # not of the values alone
    for value in (*graph.input, *graph.value_info, *graph.output):
        if value.type.tensor_type.HasField("shape"):
            shapes.setdefault(value.name, _sizes(value))
    return shapes


def _sizes(value: ValueInfoProto) -> Shape:
    dims = value.type.tensor_type.shape.dim
    sizes = tuple(d.dim_value for d in dims if d.HasField("dim_value") and d.dim_value >= 0)
    return sizes if len(sizes) == len(dims) else None


def beyond(shapes: Mapping[str, Shape]) -> str | None:
    """The name of a tensor with more elements than any device holds, if there is one."""
    return next((n for n, s in shapes.items() if s is not None and math.prod(s) > ELEMENTS_MAX), None)
