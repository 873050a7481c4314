"""OpenVINO: tensors bound once, one stream, threads explicit, the latency hint; its own latency is kept beside ours.

https://docs.openvino.ai/2026/openvino-workflow/running-inference.html. Reads ONNX, TFLite and its IR (an .xml with
the .bin of the same name beside it, or a zip of both). Options: device (CPU, GPU, GPU.1, NPU, ...; required: one that
is missing is refused), precision (f32, bf16, f16). Without `precision` the library decides: on a CPU with AMX it
computes an fp32 model in bf16. The precision it took is in the facts, and a lower one that nobody asked for is flagged.
"""

import math
import os
import tempfile
import zipfile
from functools import partial
from typing import Any, Callable, Dict, List, Optional, Tuple

from benchfleet.agent.runner.batch import check
from benchfleet.agent.runner.contract import (
    Availability,
    Available,
    Operator,
    Options,
    RuntimeFault,
    Tensor,
    TensorSpec,
    Unavailable,
    placement,
)
from benchfleet.agent.runner.external import vet

__all__ = ["FORMATS", "OPTIONS", "Session", "load", "probe", "profile", "smallest", "vet"]

FORMATS = ("openvino_ir", "onnx", "tflite")
OPTIONS = ("device", "precision")
_WEIGHTS_MIN = 64
"""Of a constant that counts as weights: scales and epsilons are kept in f32 in models of any precision."""
_PRECISIONS = ("f32", "bf16", "f16")
_PACKED = ("openvino_ir/model.xml", "openvino_ir/model.bin")
"""An IR as a fleet carries it, one file: a zip of both, stored."""
_COMPOSITE = ("HETERO", "MULTI", "AUTO", "BATCH")
"""Devices that are made of others: their work can fall back without a word, so they are not offered."""


def probe() -> Availability:
    """Whether the library imports, and the devices it sees."""
    try:
        import openvino
    except ImportError as error:
        return Unavailable("%s; install it with: pip install 'benchfleet-agent[openvino]'" % error)
    return Available(str(openvino.__version__).split("-")[0], FORMATS, tuple(openvino.Core().available_devices))


def smallest(options: Options) -> Optional["Session"]:
    """A loaded and fed session of one operator, with the options of the cell; None where these do not allow it."""
    try:
        library, compiled, device, widest = _compiled(None, options._replace(batch=1, samples=()), {})
    except RuntimeFault:
        return None  # the model itself will say so
    session = Session(library, compiled, device, widest, options)
    session.prepare([Tensor("x", "float32", (1, 8), bytes(32))])
    session.run()
    session.outputs()
    return session


def load(path: str, options: Options) -> "Session":
    """A compiled model; RuntimeFault for a device that is not there or a model it refuses."""
    library, compiled, device, widest = _compiled(path, options, {})
    return Session(library, compiled, device, widest, options)


def profile(path: str, options: Options) -> "Profiled":
    """The same with performance counters, which cost time: never used for a timed run."""
    library, compiled, device, widest = _compiled(path, options, {"PERF_COUNT": True})
    return Profiled(library, compiled, device, widest, options)


def _compiled(path: Optional[str], options: Options, more: Dict[str, Any]) -> Tuple[Any, Any, str, Optional[str]]:
    """(library, compiled model, device, precision of the weights); no path is that of the smallest model."""
    import openvino

    core = openvino.Core()
    device = str(options.extra.get("device", "CPU")).upper()
    there = core.available_devices
    if device.split(":")[0] in _COMPOSITE or device not in {*there, *(name.split(".")[0] for name in there)}:
        raise RuntimeFault(
            "placement", "%s is required but not available here (this device has: %s)" % (device, ", ".join(there))
        )
    precision = options.extra.get("precision")
    if precision is not None and precision not in _PRECISIONS:
        raise RuntimeFault("unsupported_option", "precision is one of %s, not %r" % (", ".join(_PRECISIONS), precision))
    settings = {"NUM_STREAMS": 1, "PERFORMANCE_HINT": "LATENCY", **more}
    if device == "CPU":
        settings["INFERENCE_NUM_THREADS"] = options.threads
    if precision is not None:
        settings["INFERENCE_PRECISION_HINT"] = precision
    kind = "" if path is None else _kind(path)
    try:
        model = _relu(openvino) if path is None else _read(core, path, kind)
        _set_batch(model, kind, options)
        widest = _weight_precision(model)
        return openvino, core.compile_model(model, device, settings), device, widest
    except RuntimeFault:
        raise
    except Exception as error:  # the vendor has no common base class
        raise RuntimeFault("unsupported_model", "OpenVINO refuses the model: %s" % _last_line(error)) from error


def _relu(library: Any) -> Any:
    """One Relu over [1, 8] floats: what calling the library costs without a model worth the name."""
    from openvino import opset8

    x = opset8.parameter([1, 8], library.Type.f32, name="x")
    return library.Model([opset8.relu(x)], [x], "smallest")


def _kind(path: str) -> str:
    """The format by the first bytes: the library would try any of its importers, one of which unpickles."""
    with open(path, "rb") as file:
        head = file.read(256)
    if head[4:8] == b"TFL3":
        return "tflite"
    if head[:1] == b"\x08":
        return "onnx"
    if head[:4] == b"PK\x03\x04" and head[30:].startswith(_PACKED[0].encode()):
        return "packed_ir"
    if head.lstrip(b"\xef\xbb\xbf \r\n\t").startswith((b"<?xml", b"<net")) and b"<net" in head:
        return "openvino_ir"
    raise RuntimeFault("unsupported_model", "OpenVINO is given ONNX, TFLite and IR files only; this is none of them")


def _read(core: Any, path: str, kind: str) -> Any:
    """The model of a file that may have no suffix, which this library goes by."""
    if kind == "openvino_ir":
        weights = os.path.splitext(path)[0] + ".bin"
        if not os.path.exists(weights):
            raise RuntimeFault(
                "unsupported_model", "an IR is two files, and %s is not there" % os.path.basename(weights)
            )
        return core.read_model(path, weights)
    if kind == "packed_ir":
        with zipfile.ZipFile(path) as archive:
            return core.read_model(*(archive.read(name) for name in _PACKED))
    if kind == "onnx" or path.endswith(".tflite"):
        return core.read_model(path)
    with tempfile.TemporaryDirectory() as folder:
        link = os.path.join(folder, "model.tflite")
        os.symlink(os.path.abspath(path), link)
        return core.read_model(link)


def _last_line(error: Exception) -> str:
    """What a fault of the library says at its end; before it stand the names of its own source files."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[-1] if lines else type(error).__name__)[:300]


def _set_batch(model: Any, kind: str, options: Options) -> None:
    """Fixes a free first axis; a TFLite file says 1 where it is meant to be resized."""
    tflite = kind == "tflite"
    wanted: Dict[Any, Any] = {}
    shapes: List[Tuple[Optional[int], ...]] = []
    for given in model.inputs:
        shape = given.partial_shape
        if tflite and given.get_element_type().to_dtype() in ("int8", "int16"):
            raise RuntimeFault(
                "unsupported_model",
                "OpenVINO does not tell scale and zero point of a quantised TFLite input; measure it with litert",
            )
        if shape.rank.is_dynamic or not len(shape):
            continue
        if shape[0].is_dynamic or (tflite and shape[0].get_length() == 1):
            shape[0] = options.batch
        shapes.append(tuple(None if size.is_dynamic else size.get_length() for size in shape))
        wanted[given] = shape
    check(shapes, options.batch, options.samples)
    if wanted:
        model.reshape(wanted)


class Session:
    """A compiled model with one request."""

    def __init__(self, library: Any, compiled: Any, device: str, widest: Optional[str], options: Options) -> None:
        self._library, self._compiled = library, compiled
        self._request = compiled.create_infer_request()
        self.inputs = [_spec(given) for given in compiled.inputs]
        self._tensors: Optional[List[Any]] = None
        self.facts: Dict[str, Any] = {
            "device": device,
            "execution_devices": list(compiled.get_property("EXECUTION_DEVICES")),
            "threads": options.threads,
            "streams": int(compiled.get_property("NUM_STREAMS")),
            "weight_precision": widest,
            "execution_precision": _precision(compiled),
            "precision_asked": options.extra.get("precision"),
            "placement": self._placement(device),
        }
        # Documented, and 1 % of a call of 50 us slower than what it wraps; share_outputs saves a copy.
        self.run: Callable[[], None] = partial(self._request.infer, share_outputs=True)

    def _placement(self, device: str) -> Dict[str, Any]:
        """A device that is not made of others runs a whole model or refuses it; counted on its execution graph."""
        asked = device.split(".")[0]
        try:
            nodes = len(self._compiled.get_runtime_model().get_ops())
            ran_on = {str(name).strip("()").split(".")[0] for name in self._compiled.get_property("EXECUTION_DEVICES")}
        except Exception as error:  # the vendor has no common base class; some devices have no execution graph
            return placement(asked, None, "the device has no execution graph (%s)" % _last_line(error))
        if len(ran_on) != 1:
            return placement(asked, None, "the model runs on %s" % ", ".join(sorted(ran_on)))
        return placement(asked, {ran_on.pop(): nodes})

    def prepare(self, feed: List[Tensor]) -> None:
        """Copies the feed into tensors that the request holds; the first time makes them, and those of outputs."""
        import numpy as np

        arrays = [np.frombuffer(t.data, dtype=t.dtype).reshape(t.shape) for t in feed]
        if self._tensors is None:
            types = [given.get_element_type() for given in self._compiled.inputs]
            shape = self._library.Shape
            self._tensors = [self._library.Tensor(kind, shape(list(a.shape))) for kind, a in zip(types, arrays)]
            for i, tensor in enumerate(self._tensors):
                self._request.set_input_tensor(i, tensor)
            for i, made in enumerate(self._compiled.outputs):
                if made.partial_shape.is_static:
                    tensor = self._library.Tensor(made.get_element_type(), made.get_shape())
                    self._request.set_output_tensor(i, tensor)
        for tensor, array in zip(self._tensors, arrays):
            tensor.data[...] = array

    def outputs(self) -> List[Tensor]:
        """Copies of the last outputs."""
        found = []
        for i, made in enumerate(self._compiled.outputs):
            array = self._request.get_output_tensor(i).data
            found.append(Tensor(_name(made, i), str(array.dtype), tuple(array.shape), array.tobytes()))
        return found

    def engine_ns(self) -> int:
        """InferRequest.latency, which benchmark_app prints: without the Python call around it."""
        return int(self._request.latency * 1e6)

    def close(self) -> None:
        """Releases request and model."""
        del self.run
        self._request = self._compiled = self._tensors = None


class Profiled(Session):
    """A session whose runs are counted by operator."""

    def __init__(self, library: Any, compiled: Any, device: str, widest: Optional[str], options: Options) -> None:
        super().__init__(library, compiled, device, widest, options)
        self._infer, self._runs = self.run, 0
        self._spent: Dict[str, List[Any]] = {}
        self.run = self._counted

    def _counted(self) -> None:
        self._infer()
        self._runs += 1
        if self._runs == 1:
            return  # the first call pays for what the others find done
        for row in self._request.profiling_info:
            if str(row.status).endswith("EXECUTED"):
                held = self._spent.setdefault(row.node_name, [row.node_type, row.exec_type, []])
                held[2].append(row.real_time.total_seconds() * 1e6)

    def operators(self) -> List[Operator]:
        """Every operator that was executed; what was folded away or fused into another does not appear."""
        (device,) = self.facts["placement"]["nodes"] or (self.facts["device"],)
        return [
            Operator(name, "%s (%s)" % (kind, how), device, spent) for name, (kind, how, spent) in self._spent.items()
        ]


def _weight_precision(model: Any) -> Optional[str]:
    """The widest floating-point type of a constant of more than a few values; None where all are integers."""
    found = set()
    for node in model.get_ops():
        if node.get_type_name() == "Constant":
            made = node.output(0)
            if made.get_element_type().is_real() and math.prod(made.get_shape()) >= _WEIGHTS_MIN:
                found.add(made.get_element_type().to_string())
    return next((kind for kind in ("f64", "f32", "bf16", "f16") if kind in found), None)


def _precision(compiled: Any) -> Optional[str]:
    """What floating-point layers compute in."""
    names = {"float": "f32", "float32": "f32", "bfloat16": "bf16", "float16": "f16"}
    found = str(compiled.get_property("INFERENCE_PRECISION_HINT").to_string())
    return names.get(found, found)


def _spec(given: Any) -> TensorSpec:
    shape = tuple(None if size.is_dynamic else size.get_length() for size in given.partial_shape)
    return TensorSpec(_name(given, given.get_index()), str(given.get_element_type().to_dtype()), shape)


def _name(port: Any, index: int) -> str:
    return str(port.get_any_name()) if port.get_names() else str(index)
