"""LiteRT (ai-edge-litert, else tflite-runtime): invoke with inputs set once; XNNPACK by default, its state recorded.

https://ai.google.dev/edge/litert. Options: xnnpack (true, false).
"""

from typing import Any, Dict, List, Optional, Sequence, Set, Tuple, Union

from benchfleet.agent.runner import declared
from benchfleet.agent.runner.batch import check
from benchfleet.agent.runner.contract import (
    Availability,
    Available,
    Options,
    RuntimeFault,
    Tensor,
    TensorSpec,
    Unavailable,
    placement,
)

FORMATS = ("tflite",)
OPTIONS = ("xnnpack",)
_SMALLEST = bytes.fromhex(
    "1800000054464c3300000e00140010000c000800000004000e000000100000001c000000d8000000030000000100000008000000040004"
    "000400000001000000100000000c00140010000c00080004000c000000100000003c000000400000004400000001000000100000000000"
    "0a000c000000080004000a000000080000000c000000010000000100000001000000000000000100000001000000010000000000000002"
    "0000003400000004000000e0ffffff080000000c00000002000000743100000200000001000000080000000c000c000800000000000400"
    "0c000000080000000c000000020000007430000002000000010000000800000001000000100000000c000c000b000000000004000c0000"
    "001300000000000013"
)
"""One RELU over [1, 8] floats: what calling the library costs without a model worth the name."""


def _library() -> Tuple[Any, str]:
    """The interpreter module and the package it comes from."""
    try:
        from ai_edge_litert import interpreter

        return interpreter, "ai-edge-litert"
    except ImportError:
        from tflite_runtime import interpreter

        return interpreter, "tflite-runtime"


def probe() -> Availability:
    """Whether one of the two libraries imports."""
    from importlib.metadata import version

    try:
        _, package = _library()
    except ImportError as error:
        return Unavailable("%s; install it with: pip install 'benchfleet-agent[litert]'" % error)
    return Available("%s (%s)" % (version(package), package), FORMATS, ("XNNPACK", "builtin"))


def smallest(options: Options) -> Optional["Session"]:
    """A loaded and fed session of one operator, with the options of the cell; None where these do not allow it."""
    try:
        session = load(_SMALLEST, options._replace(batch=1, samples=()))
    except RuntimeFault:
        return None  # the model itself will say so
    session.prepare([Tensor(session.inputs[0].name, "float32", (1, 8), bytes(32))])
    session.run()
    session.outputs()
    return session


def load(path: Union[str, bytes], options: Options) -> "Session":
    """An interpreter with explicit threads; RuntimeFault for a model it refuses."""
    interpreter, package = _library()
    kinds = interpreter.OpResolverType
    xnnpack = options.extra.get("xnnpack", True)
    if not isinstance(xnnpack, bool):
        raise RuntimeFault("unsupported_option", "xnnpack is true or false, not %r" % (xnnpack,))
    resolver = kinds.AUTO if xnnpack else kinds.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    try:
        loaded = interpreter.Interpreter(
            **{"model_content" if isinstance(path, bytes) else "model_path": path},
            num_threads=options.threads,
            experimental_op_resolver_type=resolver,
        )
        for given in loaded.get_input_details():
            shape = list(given["shape"])
            if len(shape) and _carries_batch(given) and shape[0] != options.batch:
                loaded.resize_tensor_input(given["index"], [options.batch, *shape[1:]])
        shapes = [tuple(int(s) for s in given["shape"]) for given in loaded.get_input_details()]
        check(shapes, options.batch, options.samples)
        loaded.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise RuntimeFault(
            "unsupported_model", "LiteRT refuses the model at batch %d: %s" % (options.batch, first[:300])
        ) from error
    return Session(loaded, options, package, xnnpack, [] if isinstance(path, bytes) else declared.by_tflite(path))


class Session:
    """A loaded model."""

    def __init__(
        self,
        interpreter: Any,
        options: Options,
        package: str,
        xnnpack: bool,
        expects: Sequence[Optional[declared.Range]],
    ) -> None:
        self._interpreter = interpreter
        self._given = {d["name"]: d for d in interpreter.get_input_details()}
        self._made = interpreter.get_output_details()
        self.inputs = [_spec(d) for d in self._given.values()]
        if len(expects) == len(self.inputs):
            self.inputs = [spec._replace(expects=found) for spec, found in zip(self.inputs, expects)]
        self.facts: Dict[str, Any] = {
            "package": package,
            "threads": options.threads,
            "xnnpack": "requested" if xnnpack else "off",
            "placement": self._placement("XNNPACK" if xnnpack else "builtin"),
        }

    def _placement(self, asked: str) -> Dict[str, Any]:
        """Nodes by what runs them. The library lists a model's nodes and, behind them, one DELEGATE for each part that
        was taken over: what it took are the nodes on the way back from its outputs to its inputs.
        """
        listed = getattr(self._interpreter, "_get_ops_details", None)
        try:
            nodes = [(str(n["op_name"]), list(n["inputs"]), list(n["outputs"])) for n in listed()] if listed else None
        except (KeyError, ValueError, RuntimeError):
            nodes = None
        if not nodes:
            return placement(asked, None)
        own = [node for node in nodes if node[0] != "DELEGATE"]
        maker = {tensor: i for i, (_, _, outputs) in enumerate(own) for tensor in outputs}
        taken = set()
        for name, inputs, outputs in nodes:
            if name == "DELEGATE":
                taken |= _between(own, maker, {int(t) for t in inputs}, [int(t) for t in outputs])
        return placement(asked, {k: n for k, n in (("XNNPACK", len(taken)), ("builtin", len(own) - len(taken))) if n})

    def prepare(self, feed: List[Tensor]) -> None:
        """Sets every input."""
        import numpy as np

        for tensor in feed:
            array = np.frombuffer(tensor.data, dtype=tensor.dtype).reshape(tensor.shape)
            self._interpreter.set_tensor(self._given[tensor.name]["index"], array)

    def run(self) -> None:
        """One inference."""
        self._interpreter.invoke()

    def outputs(self) -> List[Tensor]:
        """Copies of the last outputs, with their quantisation."""
        found = []
        for details in self._made:
            array = self._interpreter.get_tensor(details["index"])
            scale, zero_point = details["quantization"]
            found.append(
                Tensor(
                    details["name"],
                    str(array.dtype),
                    tuple(array.shape),
                    array.tobytes(),
                    float(scale) if scale else None,
                    int(zero_point),
                )
            )
        return found

    def close(self) -> None:
        """Releases the interpreter."""
        self._interpreter = None


def _carries_batch(given: Any) -> bool:
    """A file says 1 where it means any batch, or leaves the axis open; any other size is a size."""
    signature = given.get("shape_signature")
    return int(given["shape"][0]) == 1 or (signature is not None and len(signature) > 0 and int(signature[0]) < 0)


def _between(own: List[Any], maker: Dict[int, int], inputs: Set[int], outputs: List[int]) -> Set[int]:
    """Numbers of the nodes that make `outputs` of `inputs`."""
    found: Set[int] = set()
    wanted = list(outputs)
    while wanted:
        i = maker.get(wanted.pop())
        if i is not None and i not in found:
            found.add(i)
            wanted.extend(int(t) for t in own[i][1] if int(t) not in inputs)
    return found


def _spec(details: Any) -> TensorSpec:
    import numpy as np

    scale, zero_point = details["quantization"]
    signature = details.get("shape_signature")
    shape = [int(size) for size in details["shape"]]
    known = [int(s) for s in signature] if signature is not None and len(signature) == len(shape) else shape
    free = tuple(None if s < 0 else size for s, size in zip(known, shape))
    return TensorSpec(
        str(details["name"]), str(np.dtype(details["dtype"])), free, float(scale) if scale else None, int(zero_point)
    )
