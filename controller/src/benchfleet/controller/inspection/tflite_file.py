"""Facts of a TFLite file, read with the flatbuffer bindings of the tflite package.

Weights may lie outside the flatbuffer (Buffer.offset and size, as ai-edge-quantizer writes large ones): both are read.
"""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path
from typing import Any

import tflite

from benchfleet.controller.inspection.facts import Count, ModelFacts, TensorFacts, precision_of
from benchfleet.controller.inspection.tflite_memory import check_tensors, count_peak, open_inside
from benchfleet.core.errors import DocumentError

_TYPES = {v: k.lower() for k, v in vars(tflite.TensorType).items() if not k.startswith("_")}
_OPERATORS = {v: k for k, v in vars(tflite.BuiltinOperator).items() if not k.startswith("_")}
CUSTOM = "CUSTOM:"
EDGE_TPU = "edgetpu-custom-op"
"""What the Edge TPU compiler puts in place of all operators that it maps: https://coral.ai/docs/edgetpu/compiler/"""
_MULTIPLYING = {"CONV_2D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV", "FULLY_CONNECTED", "BATCH_MATMUL", "CONV_3D"}
_UNCOUNTED = {
    "LSTM", "UNIDIRECTIONAL_SEQUENCE_LSTM", "BIDIRECTIONAL_SEQUENCE_LSTM", "SVDF", "RNN", "UNIDIRECTIONAL_SEQUENCE_RNN",
    "WHILE", "IF", "CALL",
}  # fmt: skip


def read(path: Path) -> ModelFacts:
    """The facts of all subgraphs; inputs and outputs are those of the first."""
    data = path.read_bytes()
    model = tflite.Model.GetRootAs(data)
    if model.SubgraphsLength() == 0:
        raise DocumentError("has no graph in it; export the model again")
    codes = [_operator(model.OperatorCodes(i)) for i in range(model.OperatorCodesLength())]
    graphs = [model.Subgraphs(i) for i in range(model.SubgraphsLength())]
    check_tensors(model, graphs, len(data))
    operators = Counter(codes[g.Operators(i).OpcodeIndex()] for g in graphs for i in range(g.OperatorsLength()))
    custom = tuple(sorted({c.removeprefix(CUSTOM) for c in codes if c.startswith(CUSTOM)}))
    bytes_by_dtype, parameters = _weights(model, graphs, codes)
    precision, shares = precision_of(bytes_by_dtype)
    unknown = Count(value=None, reason="no weights found in the file")
    if EDGE_TPU in custom:
        unknown, parameters = Count(value=None, reason=f"{EDGE_TPU} holds weights in a layout of its own"), 0
    main = graphs[0]
    inputs = tuple(_tensor(main.Tensors(main.Inputs(i))) for i in range(main.InputsLength()))
    return ModelFacts(
        file=path.name,
        digest="",
        size_bytes=0,
        format="tflite",
        inputs=inputs,
        outputs=tuple(_tensor(main.Tensors(main.Outputs(i))) for i in range(main.OutputsLength())),
        precision=precision,
        precision_shares=shares,
        parameters=Count(value=parameters) if parameters else unknown,
        weight_bytes=Count(value=sum(bytes_by_dtype.values())) if parameters else unknown,
        macs=_macs(graphs, codes),
        peak_activation_bytes=count_peak(model, graphs),
        custom_operators=custom,
        operators=dict(sorted(operators.items())),
        opset={"schema": model.Version()},
        dynamic_batch=bool(inputs) and all(t.shape and t.shape[0] is None for t in inputs),
    )


def _operator(code: Any) -> str:
    number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
    name = code.CustomCode()
    if number == tflite.BuiltinOperator.CUSTOM:
        return CUSTOM + (name or b"?").decode("utf-8", "replace")
    return str(_OPERATORS.get(number, f"BUILTIN_{number}"))


def _shape(tensor: Any) -> tuple[int | None, ...]:
    signature = [tensor.ShapeSignature(i) for i in range(tensor.ShapeSignatureLength())]
    sizes = signature or [tensor.Shape(i) for i in range(tensor.ShapeLength())]
    return tuple(None if size < 0 else size for size in sizes)


def _tensor(tensor: Any) -> TensorFacts:
    quantisation = tensor.Quantization()
    quantised = quantisation is not None and quantisation.ScaleLength() == 1
    return TensorFacts(
        name=(tensor.Name() or b"").decode("utf-8", "replace"),
        dtype=_TYPES.get(tensor.Type(), str(tensor.Type())),
        shape=_shape(tensor),
        scale=float(quantisation.Scale(0)) if quantised else None,
        zero_point=int(quantisation.ZeroPoint(0)) if quantised and quantisation.ZeroPointLength() else None,
    )


def _weights(model: Any, graphs: list[Any], codes: list[str]) -> tuple[dict[str, int], int]:
    """Bytes by type and number of learned values; each buffer once, shapes and paddings left out."""
    bytes_by_dtype: Counter[str] = Counter()
    parameters = 0
    seen: set[int] = set()
    for graph in graphs:
        learned = _learned(graph, codes)
        for index in learned:
            tensor = graph.Tensors(index)
            number = tensor.Buffer()
            buffer = model.Buffers(number)
            held = buffer.DataLength() or buffer.Size()
            if not held or number in seen:
                continue
            seen.add(number)
            dtype = _TYPES.get(tensor.Type(), "unknown")
            bytes_by_dtype[dtype] += held
            parameters += math.prod(tensor.Shape(i) for i in range(tensor.ShapeLength()))
    return dict(bytes_by_dtype), parameters


def _learned(graph: Any, codes: list[str]) -> set[int]:
    """Tensors that carry weights: operands of multiplying operators, and floating or quantised constants of others."""
    found: set[int] = set()
    for i in range(graph.OperatorsLength()):
        operator = graph.Operators(i)
        multiplies = codes[operator.OpcodeIndex()] in _MULTIPLYING
        for k in range(operator.InputsLength()):
            index = operator.Inputs(k)
            if index < 0:
                continue
            tensor = graph.Tensors(index)
            dtype = _TYPES.get(tensor.Type(), "unknown")
            wide = dtype in ("float32", "float16", "int8", "int4", "float64", "int16") and tensor.ShapeLength() > 0
            if wide or (multiplies and dtype in ("int32", "int64", "uint8")):
                if codes[operator.OpcodeIndex()] == "TRANSPOSE_CONV" and k == 0:
                    continue  # its first operand is the output shape
                found.add(index)
    return found


def _macs(graphs: list[Any], codes: list[str]) -> Count:
    if len(graphs) > 1:
        return Count(value=None, reason="several subgraphs: how often each runs is not in the file")
    graph, total = graphs[0], 0
    for i in range(graph.OperatorsLength()):
        operator = graph.Operators(i)
        kind = codes[operator.OpcodeIndex()]
        if kind in _UNCOUNTED:
            return Count(value=None, reason=f"operator {i} ({kind}) is not counted yet")
        if kind.startswith((CUSTOM, "STABLEHLO_", "BUILTIN_")):
            return Count(value=None, reason=f"operator {i} ({kind}): what it multiplies is not known here")
        if kind not in _MULTIPLYING:
            continue
        count = _operator_macs(graph, operator, kind)
        if count is None:
            return Count(value=None, reason=f"operator {i} ({kind}): its shape is open")
        total += count
    return Count(value=total)


def _operator_macs(graph: Any, operator: Any, kind: str) -> int | None:
    def sizes(index: int) -> list[int]:
        tensor = graph.Tensors(index)
        return [tensor.Shape(i) for i in range(tensor.ShapeLength())]

    operands = (operator.Inputs(0), operator.Inputs(1), operator.Outputs(0))
    if any(open_inside(graph.Tensors(index)) for index in operands):
        return None
    made = sizes(operator.Outputs(0))
    weight = sizes(operator.Inputs(1))
    if not made or not weight or min(made) < 1:
        return None
    if kind == "DEPTHWISE_CONV_2D":
        return math.prod(made) * weight[1] * weight[2]
    if kind == "TRANSPOSE_CONV":
        given = sizes(operator.Inputs(2))
        return math.prod(given) * math.prod(weight[:-1])
    if kind == "BATCH_MATMUL":
        left = sizes(operator.Inputs(0))
        return math.prod(made) * left[-2 if _adjoint(operator) else -1]
    if kind == "CONV_3D":
        return math.prod(made) * math.prod(weight[:-1])
    return math.prod(made) * math.prod(weight[1:])  # CONV_2D is OHWI, FULLY_CONNECTED is [out, in]


def _adjoint(operator: Any) -> bool:
    """Whether a BATCH_MATMUL reads its first operand transposed: then the inner axis is the last but one."""
    table = operator.BuiltinOptions()
    if table is None:
        return False
    options = tflite.BatchMatMulOptions()
    options.Init(table.Bytes, table.Pos)
    return bool(options.AdjX())
