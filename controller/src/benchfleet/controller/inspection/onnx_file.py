"""Facts of an ONNX file, with the onnx package's own parser and shape inference."""

from __future__ import annotations

from collections import Counter
from pathlib import Path, PurePosixPath, PureWindowsPath

import onnx
from onnx import ModelProto, TensorProto

from benchfleet.controller.inspection.facts import Count, ModelFacts, TensorFacts, precision_of
from benchfleet.controller.inspection.onnx_macs import count_work
from benchfleet.controller.inspection.onnx_weights import (
    UncountedError,
    Weight,
    check,
    constants_of,
    dtype_name,
    graphs_of,
    tensors_of,
    weights_of,
)
from benchfleet.core.errors import DocumentError


def read(path: Path) -> ModelFacts:
    """The facts; DocumentError for external data that leaves the model's folder and for what is no ONNX graph."""
    model = onnx.load(str(path), load_external_data=False)
    graph = model.graph
    if not graph.output or not model.opset_import:
        raise DocumentError("is not a whole ONNX model (no outputs or no opset in it); export it again")
    external = tuple(sorted(_external_data(model, path.parent)))
    for _, tensor in (pair for g in graphs_of(graph) for pair in constants_of(g)):
        check(tensor)
    weights, why = _weights(model)
    bytes_by_dtype: Counter[str] = Counter()
    for weight in weights:
        bytes_by_dtype[dtype_name(weight.data_type)] += weight.size_bytes
    precision, shares = precision_of(dict(bytes_by_dtype))
    held = {t.name for t in graph.initializer}
    inputs = tuple(_tensor(v) for v in graph.input if v.name not in held)
    opset = {o.domain or "ai.onnx": o.version for o in model.opset_import}
    operators = dict(sorted(Counter(n.op_type for g in graphs_of(graph) for n in g.node).items()))
    outputs = tuple(_tensor(v) for v in graph.output)
    macs, peak = count_work(model)  # last: it drops the weights
    return ModelFacts(
        file=path.name,
        digest="",
        size_bytes=0,
        format="onnx",
        inputs=inputs,
        outputs=outputs,
        precision=precision,
        precision_shares=shares,
        parameters=Count(value=None if why else sum(weight.count for weight in weights), reason=why),
        weight_bytes=Count(value=None if why else sum(bytes_by_dtype.values()), reason=why),
        operators=operators,
        opset=opset,
        external_data=external,
        dynamic_batch=bool(inputs) and all(t.shape and not isinstance(t.shape[0], int) for t in inputs),
        macs=macs,
        peak_activation_bytes=peak,
    )


def _weights(model: ModelProto) -> tuple[list[Weight], str | None]:
    try:
        weights = list(weights_of(model))
    except UncountedError as error:
        return [], str(error)
    return weights, None if weights else "no weights found in the file"


def _external_data(model: ModelProto, folder: Path) -> set[str]:
    """Where tensors keep their bytes; old runtimes follow such a path anywhere, so it is checked before any sees it."""
    found = set()
    for tensor in tensors_of(model):
        if tensor.data_location != TensorProto.EXTERNAL and not tensor.external_data:
            continue
        location = next((e.value for e in tensor.external_data if e.key == "location"), "")
        if not _contained(location, folder):
            raise DocumentError(
                f"tensor {tensor.name!r} keeps its data in {location!r}, outside the model's folder; "
                "store the weights inside the file"
            )
        found.add(location)
    return found


def _contained(location: str, folder: Path) -> bool:
    """Whether a relative path stays in the folder, read as a POSIX path, as a Windows path, and through links."""
    windows = PureWindowsPath(location)
    parts = PurePosixPath(location.replace("\\", "/")).parts
    if not location or "\0" in location or location.startswith("/") or windows.anchor or ".." in parts:
        return False
    return (folder / location).resolve().is_relative_to(folder.resolve())


def _tensor(value: onnx.ValueInfoProto) -> TensorFacts:
    kind = value.type.tensor_type
    sizes: list[int | str | None] = []
    for dim in kind.shape.dim:
        if dim.HasField("dim_value"):
            sizes.append(dim.dim_value)
        else:
            sizes.append(dim.dim_param or None)
    return TensorFacts(name=value.name, dtype=dtype_name(kind.elem_type), shape=tuple(sizes))
