"""Facts of an ONNX file, with the onnx package's own parser and shape inference."""

from __future__ import annotations

from collections import Counter
from graphlib import CycleError
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError
from onnx import ModelProto

from benchfleet.controller.inspection.facts import Count, ModelFacts, Shapes, TensorFacts, precision_of
from benchfleet.controller.inspection.onnx_macs import count_macs, foreign
from benchfleet.controller.inspection.onnx_memory import count_peak
from benchfleet.controller.inspection.onnx_shapes import infer, open_size, pin
from benchfleet.controller.inspection.onnx_tensors import check_names, check_tensors, drop_payload
from benchfleet.controller.inspection.onnx_weights import (
    UncountedError,
    Weight,
    dtype_name,
    graphs_of,
    inlined,
    weights_of,
)
from benchfleet.core.errors import DocumentError, one_line

NO_SHAPES: Shapes = {}


def read(path: Path, shapes: Shapes = NO_SHAPES) -> ModelFacts:
    """The facts; DocumentError for external data that leaves the model's folder and for what is no ONNX graph."""
    try:
        model = onnx.load(str(path), load_external_data=False)
    except DecodeError as error:
        raise DocumentError("is not an ONNX model, or a truncated one; copy or export it again") from error
    graph = model.graph
    if not graph.output or not model.opset_import:
        raise DocumentError("is not a whole ONNX model (no outputs or no opset in it); export it again")
    external = check_tensors(model, path.parent)
    check_names(graph)
    drop_payload(model)
    weights, why = _weights(model)
    precision, by_bytes, by_count = precision_of(_sums(weights, "size_bytes"), _sums(weights, "count"))
    held = {t.name for t in graph.initializer}
    inputs = tuple(_tensor(v) for v in graph.input if v.name not in held)
    outputs = tuple(_tensor(v) for v in graph.output)
    operators = dict(sorted(Counter(n.op_type for g in graphs_of(graph) for n in g.node).items()))
    opset = {o.domain or "ai.onnx": o.version for o in model.opset_import}
    macs, peak, counted = _work(model, shapes)  # last: it uses the model up
    return ModelFacts(
        file=path.name,
        digest="",
        size_bytes=0,
        format="onnx",
        inputs=inputs,
        outputs=outputs,
        precision=precision,
        precision_shares=by_bytes,
        precision_shares_by_count=by_count,
        parameters=Count(value=None if why else sum(weight.count for weight in weights), reason=why),
        weight_bytes=Count(value=None if why else sum(weight.size_bytes for weight in weights), reason=why),
        operators=operators,
        opset=opset,
        external_data=external,
        dynamic_batch=bool(inputs) and all(t.shape and not isinstance(t.shape[0], int) for t in inputs),
        macs=macs,
        peak_activation_bytes=peak,
        counted_with=counted,
    )


def _work(model: ModelProto, shapes: Shapes) -> tuple[Count, Count, dict[str, tuple[int | None, ...]]]:
    """Multiply-accumulates, peak activation bytes, and the input sizes that both were counted with."""
    counted = pin(model.graph, shapes)
    try:
        graph = infer(inlined(model))
    except CycleError as error:
        raise DocumentError("the graph has a cycle, so no order to run in; export the model again") from error
    except Exception as error:  # the vendor raises its own types
        why = f"shape inference failed: {one_line(str(error), limit=160)}"
        return Count(value=None, reason=why), Count(value=None, reason=why), counted
    hint = _hint(counted)
    return _hinted(count_macs(graph), hint), _hinted(count_peak(graph), hint), counted


def _hint(counted: dict[str, tuple[int | None, ...]]) -> str:
    """How to close the sizes that are open."""
    name = next((n for n, sizes in counted.items() if None in sizes), None)
    if name is None:
        return ""
    example = "x".join("?" if size is None else str(size) for size in counted[name])
    return f"; say its sizes with --shape {name}={example}"


def _hinted(count: Count, hint: str) -> Count:
    return Count(value=None, reason=f"{count.reason}{hint}") if count.value is None and hint else count


def _sums(weights: list[Weight], what: str) -> dict[str, int]:
    sums: Counter[str] = Counter()
    for weight in weights:
        sums[dtype_name(weight.data_type)] += getattr(weight, what)
    return dict(sums)


def _weights(model: ModelProto) -> tuple[list[Weight], str | None]:
    try:
        weights = list(weights_of(model))
    except UncountedError as error:
        return [], str(error)
    if weights:
        return weights, None
    other = foreign(node for graph in graphs_of(inlined(model).graph) for node in graph.node)
    if other is not None:
        kind = f"{other.domain or 'ai.onnx'}.{other.op_type}"
        return [], f"no weights found in the file; operator {kind} may hold its own"
    return [], None


def _tensor(value: onnx.ValueInfoProto) -> TensorFacts:
    kind = value.type.tensor_type
    sizes: list[int | str | None] = []
    for dim in kind.shape.dim:
        sizes.append(dim.dim_param or None if open_size(dim) else dim.dim_value)
    return TensorFacts(name=value.name, dtype=dtype_name(kind.elem_type), shape=tuple(sizes))
