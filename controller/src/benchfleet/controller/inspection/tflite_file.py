"""Facts of a TFLite file, read with the flatbuffer bindings of the tflite package.

Weights may lie outside the flatbuffer (Buffer.offset and size, as ai-edge-quantizer writes large ones): both are read.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import tflite

from benchfleet.controller.inspection.facts import Count, ModelFacts, Shapes, TensorFacts, precision_of
from benchfleet.controller.inspection.tflite_macs import CUSTOM, count_macs
from benchfleet.controller.inspection.tflite_memory import check_tensors, count_peak, open_inside
from benchfleet.controller.inspection.tflite_weights import Weights, dtype_of, weights_of
from benchfleet.core.errors import DocumentError

_OPERATORS = {v: k for k, v in vars(tflite.BuiltinOperator).items() if not k.startswith("_")}
EDGE_TPU = "edgetpu-custom-op"
"""What the Edge TPU compiler puts in place of all operators that it maps: https://coral.ai/docs/edgetpu/compiler/"""


def read(path: Path, shapes: Shapes) -> ModelFacts:
    """The facts of all subgraphs; inputs, outputs and work are those of the first, which is what a call runs."""
    data = path.read_bytes()
    model = tflite.Model.GetRootAs(data)
    if model.SubgraphsLength() == 0:
        raise DocumentError("has no graph in it; export the model again")
    codes = [_operator(model.OperatorCodes(i)) for i in range(model.OperatorCodesLength())]
    graphs = [model.Subgraphs(i) for i in range(model.SubgraphsLength())]
    check_tensors(model, graphs, len(codes), len(data))
    operators = Counter(codes[g.Operators(i).OpcodeIndex()] for g in graphs for i in range(g.OperatorsLength()))
    custom = tuple(sorted({c.removeprefix(CUSTOM) for c in codes if c.startswith(CUSTOM)}))
    weights = weights_of(model, graphs, codes)
    precision, by_bytes, by_count = precision_of(weights.bytes_by_dtype, weights.count_by_dtype)
    unknown = _unknown_weights(weights, custom)
    main = graphs[0]
    inputs = tuple(_tensor(main.Tensors(main.Inputs(i))) for i in range(main.InputsLength()))
    counted = _counted(main, shapes)
    macs, peak = count_macs(graphs, codes), count_peak(model, main, codes)
    if any(tuple(sizes) != counted[name] for name, sizes in shapes.items()):
        macs = peak = Count(value=None, reason="a TFLite file is counted with the sizes that are written in it alone")
        counted = dict(shapes)
    return ModelFacts(
        file=path.name,
        digest="",
        size_bytes=0,
        format="tflite",
        inputs=inputs,
        outputs=tuple(_tensor(main.Tensors(main.Outputs(i))) for i in range(main.OutputsLength())),
        precision=precision,
        precision_shares=by_bytes,
        precision_shares_by_count=by_count,
        parameters=unknown or Count(value=sum(weights.count_by_dtype.values())),
        weight_bytes=unknown or Count(value=sum(weights.bytes_by_dtype.values())),
        macs=macs,
        peak_activation_bytes=peak,
        custom_operators=custom,
        operators=dict(sorted(operators.items())),
        opset={"schema": model.Version()},
        dynamic_batch=bool(inputs) and all(t.shape and t.shape[0] is None for t in inputs),
        counted_with=counted,
        subgraphs=len(graphs),
    )


def _unknown_weights(weights: Weights, custom: tuple[str, ...]) -> Count | None:
    """Why parameters cannot be told, when they cannot; a file without any, and without strangers, has 0."""
    if EDGE_TPU in custom:
        return Count(value=None, reason=f"{EDGE_TPU} holds weights in a layout of its own")
    if weights.unknown:
        return Count(value=None, reason=weights.unknown)
    if custom and not weights.count_by_dtype:
        return Count(value=None, reason=f"no weights found in the file; operator {custom[0]} may hold its own")
    return None


def _counted(graph: Any, given: Shapes) -> dict[str, tuple[int | None, ...]]:
    """What the inputs are counted with; DocumentError for sizes of an input that is not there or of another rank."""
    tensors = [graph.Tensors(graph.Inputs(i)) for i in range(graph.InputsLength())]
    counted: dict[str, tuple[int | None, ...]] = {
        _name(t): tuple(None if open_inside(t) and i and t.ShapeSignature(i) < 0 else t.Shape(i)
                        for i in range(t.ShapeLength()))
        for t in tensors
    }  # fmt: skip
    for name, sizes in given.items():
        if name not in counted:
            known = ", ".join(list(counted)[:8]) or "none"
            raise DocumentError(f"--shape {name[:80]}: the model has no such input; there are: {known}")
        if len(sizes) != len(counted[name]):
            raise DocumentError(f"--shape {name[:80]}: the input has {len(counted[name])} axes, not {len(sizes)}")
    return counted


def _operator(code: Any) -> str:
    number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
    name = code.CustomCode()
    if number == tflite.BuiltinOperator.CUSTOM:
        return CUSTOM + (name or b"?").decode("utf-8", "replace")
    return str(_OPERATORS.get(number, f"BUILTIN_{number}"))


def _name(tensor: Any) -> str:
    return (tensor.Name() or b"").decode("utf-8", "replace")


def _shape(tensor: Any) -> tuple[int | None, ...]:
    signature = [tensor.ShapeSignature(i) for i in range(tensor.ShapeSignatureLength())]
    sizes = signature or [tensor.Shape(i) for i in range(tensor.ShapeLength())]
    return tuple(None if size < 0 else size for size in sizes)


def _tensor(tensor: Any) -> TensorFacts:
    quantisation = tensor.Quantization()
    quantised = quantisation is not None and quantisation.ScaleLength() == 1
    return TensorFacts(
        name=_name(tensor),
        dtype=dtype_of(tensor),
        shape=_shape(tensor),
        scale=float(quantisation.Scale(0)) if quantised else None,
        zero_point=int(quantisation.ZeroPoint(0)) if quantised and quantisation.ZeroPointLength() else None,
    )
