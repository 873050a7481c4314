"""ONNX Runtime through IOBinding: inputs bound once, outputs preallocated, threads explicit.

https://onnxruntime.ai/docs/api/python/api_summary.html. Options: providers (list; required: a provider that is missing
or that silently falls back to the CPU is refused), graph_optimization (disable, basic, extended, all).
"""

import json
import os
import re
import shutil
import tempfile
from functools import partial
from typing import Any, Callable, Dict, List, Optional, Tuple, Union

from benchfleet.agent.runner import declared
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

FORMATS = ("onnx",)
OPTIONS = ("providers", "graph_optimization")
_SMALLEST = bytes.fromhex(
    "080412003a3b0a0c0a0178120179220452656c751201675a130a0178120e0a0c080112080a0208010a02080862130a0179120e0a0c0801"
    "12080a0208010a02080842040a00100b"
)
"""One Relu over [1, 8] floats (opset 11): what calling the library costs without a model worth the name."""
_TYPES = {
    "tensor(float)": "float32", "tensor(double)": "float64", "tensor(float16)": "float16", "tensor(int8)": "int8",
    "tensor(uint8)": "uint8", "tensor(int16)": "int16", "tensor(uint16)": "uint16", "tensor(int32)": "int32",
    "tensor(uint32)": "uint32", "tensor(int64)": "int64", "tensor(uint64)": "uint64", "tensor(bool)": "bool",
}  # fmt: skip
_NO_BATCH = re.compile(
    r"(?!.*batch)(?:.*(?:seq|len|time|frame|height|width|token|step|past|point|edge|node).*|[thwl])$", re.IGNORECASE
)
"""Names of an open first axis that is no batch; `benchfleet inspect` leaves the same ones open."""
_LEVELS = {
    "disable": "ORT_DISABLE_ALL",
    "basic": "ORT_ENABLE_BASIC",
    "extended": "ORT_ENABLE_EXTENDED",
    "all": "ORT_ENABLE_ALL",
}


def probe() -> Availability:
    """Whether the library imports, and what it can place work on."""
    try:
        import onnxruntime as ort
    except ImportError as error:
        return Unavailable("%s; install it with: pip install 'benchfleet-agent[onnxruntime]'" % error)
    # The measured process talks to nobody but us.
    getattr(ort, "disable_telemetry_events", lambda: None)()
    return Available(str(ort.__version__), FORMATS, tuple(ort.get_available_providers()))


def smallest(options: Options) -> Optional["Session"]:
    """A loaded and fed session of one operator, with the options of the cell; None where these do not allow it."""
    try:
        session = load(_SMALLEST, options._replace(batch=1))
    except RuntimeFault:
        return None  # the model itself will say so
    session.prepare([Tensor("x", "float32", (1, 8), bytes(32))])
    session.run()
    session.outputs()
    return session


def load(path: Union[str, bytes], options: Options) -> "Session":
    """A session with explicit threads; RuntimeFault for a provider that is not there or a model it refuses."""
    session, placed = _made(path, options, {})
    return Session(session, options, placed)


def profile(path: str, options: Options) -> "Profiled":
    """The same with the library's profiler on, which costs time: never used for a timed run."""
    folder = tempfile.mkdtemp()
    session, placed = _made(
        path, options, {"enable_profiling": True, "profile_file_prefix": os.path.join(folder, "profile")}
    )
    return Profiled(session, options, placed)


def _made(path: Union[str, bytes], options: Options, more: Dict[str, Any]) -> Tuple[Any, List[str]]:
    """(the library's session, its providers)."""
    import onnxruntime as ort

    wanted = options.extra.get("providers") or ["CPUExecutionProvider"]
    if not isinstance(wanted, list) or not all(isinstance(name, str) for name in wanted):
        raise RuntimeFault(
            "unsupported_option", 'providers is a list of names like ["%s"], not %r' % ("CPUExecutionProvider", wanted)
        )
    there = ort.get_available_providers()
    lacking = [name for name in wanted if name not in there]
    if lacking:
        raise RuntimeFault(
            "placement",
            "%s is required but not available here (this device has: %s)" % (", ".join(lacking), ", ".join(there)),
        )
    settings = ort.SessionOptions()
    settings.intra_op_num_threads = options.threads
    settings.inter_op_num_threads = 1
    settings.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    settings.log_severity_level = 3
    level = str(options.extra.get("graph_optimization", "all"))
    if level not in _LEVELS:
        raise RuntimeFault(
            "unsupported_option", "graph_optimization is one of %s, not %r" % (", ".join(_LEVELS), level)
        )
    settings.graph_optimization_level = getattr(ort.GraphOptimizationLevel, _LEVELS[level])
    # From 1.24 on the library says afterwards which node went where; an older one does not look at the key.
    settings.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
    for name, value in more.items():
        setattr(settings, name, value)
    try:
        session = ort.InferenceSession(path, settings, providers=wanted)
    except Exception as error:  # the vendor has no common base class
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise RuntimeFault("unsupported_model", "ONNX Runtime refuses the model: %s" % first[:300]) from error
    placed = session.get_providers()
    if placed[0] != wanted[0]:
        raise RuntimeFault(
            "placement", "%s was required but the session fell back to %s" % (wanted[0], ", ".join(placed))
        )
    return session, list(placed)


class Session:
    """A loaded model with its binding."""

    def __init__(self, session: Any, options: Options, placed: List[str]) -> None:
        self._session = session
        self._binding = session.io_binding()
        self.run: Callable[[], None] = _timed_call(session, self._binding)
        expects = declared.by_onnx(session.get_modelmeta().custom_metadata_map)
        self.inputs = [_spec(i)._replace(expects=expects) for i in session.get_inputs()]
        self.facts: Dict[str, Any] = {
            "providers": placed,
            "intra_op_threads": options.threads,
            "inter_op_threads": 1,
            "io_binding": True,
            "placement": _placement(session, placed),
        }
        shapes = [spec.shape if spec.batched else (1, *spec.shape[1:]) for spec in self.inputs]
        check(shapes, options.batch, options.samples)
        for output in session.get_outputs():
            if output.type not in _TYPES:
                raise RuntimeFault(
                    "unsupported_model",
                    "output %r has type %s, which cannot be checked: export the model without it, or as plain numbers"
                    % (output.name, output.type),
                )
        self._held: List[Any] = []
        self._bound = self._kept = False

    def prepare(self, feed: List[Tensor]) -> None:
        """Copies the feed into values the binding points at; the first time binds, later only copies."""
        import numpy as np
        import onnxruntime as ort

        arrays = [np.frombuffer(t.data, dtype=t.dtype).reshape(t.shape) for t in feed]
        if self._bound:
            for value, array in zip(self._held, arrays):
                value.update_inplace(array)
            return
        for tensor, array in zip(feed, arrays):
            # Memory of the library's own, aligned as it likes it; a value made from an array would share its memory.
            value = ort.OrtValue.ortvalue_from_shape_and_type(list(array.shape), array.dtype, "cpu", 0)
            value.update_inplace(array)
            self._held.append(value)
            self._binding.bind_ortvalue_input(tensor.name, value)
        for output in self._session.get_outputs():
            self._binding.bind_output(output.name, "cpu")
        self._bound = True

    def outputs(self) -> List[Tensor]:
        """Copies of the last outputs."""
        found = []
        for output, array in zip(self._session.get_outputs(), self._binding.copy_outputs_to_cpu()):
            found.append(Tensor(output.name, str(array.dtype), tuple(array.shape), array.tobytes()))
        if not self._kept:
            self._keep_outputs()
        return found

    def _keep_outputs(self) -> None:
        """From the second run on, outputs whose shape the inputs fix are written where they were."""
        self._kept = True
        named = {size for given in self._session.get_inputs() for size in given.shape if isinstance(size, str)}
        for output, value in zip(self._session.get_outputs(), self._binding.get_outputs()):
            if all(isinstance(size, int) or size in named for size in output.shape):
                self._binding.bind_ortvalue_output(output.name, value)

    def close(self) -> None:
        """Releases the session."""
        self._binding = self._session = None
        del self.run


class Profiled(Session):
    """A session whose runs are counted by operator: the library writes a JSON list of events, read once at the end."""

    def operators(self) -> List[Operator]:
        """Node events of all runs but the first; https://onnxruntime.ai/docs/performance/tune-performance/."""
        path = self._session.end_profiling()
        with open(path) as file:
            events = json.load(file)
        shutil.rmtree(os.path.dirname(path), ignore_errors=True)
        runs = sorted(e["ts"] + e["dur"] for e in events if e.get("name") == "model_run")
        spent: Dict[Tuple[str, str, str], List[float]] = {}
        for event in events:
            name = event.get("name", "")
            if event.get("cat") != "Node" or not name.endswith("_kernel_time") or (runs and event["ts"] < runs[0]):
                continue
            about = event["args"]
            key = (name[: -len("_kernel_time")], about.get("op_name", "?"), about.get("provider", "?"))
            spent.setdefault(key, []).append(float(event["dur"]))
        return [Operator(*key, times) for key, times in spent.items()]


def _placement(session: Any, placed: List[str]) -> Dict[str, Any]:
    """Nodes by provider, as the library assigned them before it fused any."""
    if len(placed) == 1:
        return placement(placed[0], {placed[0]: 1})
    told = getattr(session, "get_provider_graph_assignment_info", None)
    if told is None:
        return placement(placed[0], None, "this version of ONNX Runtime does not tell; 1.24 and later do")
    counts: Dict[str, int] = {}
    for part in told():
        counts[part.ep_name] = counts.get(part.ep_name, 0) + len(part.get_nodes())
    return placement(placed[0], counts)


def _timed_call(session: Any, binding: Any) -> Callable[[], None]:
    """One inference, with as little Python as the library allows.

    The documented method makes new run options for each call (2 us), and looks into options that it is given (40 us in
    1.32): benchmarks/native_agreement shows both. The call beneath it does neither; where it is not there, the
    documented one is.
    """
    import onnxruntime as ort

    inner, bound = getattr(session, "_sess", None), getattr(binding, "_iobinding", None)
    if inner is None or bound is None or not hasattr(inner, "run_with_iobinding"):
        return partial(session.run_with_iobinding, binding)
    return partial(inner.run_with_iobinding, bound, ort.RunOptions())


def _spec(value: Any) -> TensorSpec:
    shape = tuple(size if isinstance(size, int) else None for size in value.shape)
    first = value.shape[0] if shape else None
    batched = not (isinstance(first, str) and _NO_BATCH.match(first))
    return TensorSpec(value.name, _TYPES.get(value.type, value.type), shape, batched=batched)
