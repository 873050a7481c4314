"""ExecuTorch: a .pte program through the Python binding of its C++ runtime, with a thread pool of the size asked for.

https://docs.pytorch.org/executorch/stable/runtime-python-api-reference.html. The binding of the wheel is linked against
libtorch, so torch (700 MB) must be installed beside it although no model runs in it: give the runtime an environment of
its own and name its interpreter, BENCHFLEET_PYTHON_EXECUTORCH=/opt/executorch/bin/python. On a device where that is too
much there is no binding without torch to be had.

The timed call hands over the inputs too, since a program may lay intermediate values over them; outputs are not copied.
A program carries its delegates (XNNPACK, ...) and its batch; neither can be chosen here.
"""

import struct
import tempfile
import warnings
import zlib
from functools import partial
from typing import Any, Callable, Dict, List, Optional

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
from benchfleet.agent.runner.flatbuffer import Table, root_of

FORMATS = ("executorch",)
OPTIONS = ()
_SMALLEST_PACKED = (
    "78daad50c14ec240109d968a2b72402484038766c3c10331c178b1270ffa07deb051843536690a29dba831247e929fe0c183073fc22fa1"
    "be2d5bb2ad686262376fa733bbf3e6edeb12d1f9c5e008811ad4c1de42ac13230751654407c0b101274d5307d1a2e2a772a6ceb355ac77"
    "b3bf36b87ae422eb1873da38e919fc97c02bf006bc03cf20f8b0896c83f3b4c4afe6bd2cd354cdaf0315609a48aa218ea4883c2f1661b2"
    "badbc8ba6aebf935dd73a661e99c61dfc5395bf790c5f40b999e59313458254d664d69bfce75c23fe5346d35a9497bd93496dd7290af3c"
    "efe49e55ab99c6aae6b235b96df8cdf0821dad29e76dd1fe37de86c90be64fe8707fe55df9c374aebc39018683befbc4e5e34c70cf8d92"
    "30ecbb7c3c8da4789046e12e0827b188aee633314679e82f7cf42ecbfdfc2609421944f34399cc42c10b5c5c91f14d6cffd6ff17fd8b8d"
    "ba27c15896c60e7dfe13054cd88607b7d3f87e144fe80b54f88bb6"
)
"""torch.relu over [1, 8] floats, exported by executorch 1.5.1 without a delegate (896 bytes, packed by zlib)."""
PORTABLE = "portable"
"""Kernels of the runtime itself, for whatever no delegate took."""
_TYPES = {
    0: "uint8", 1: "int8", 2: "int16", 3: "int32", 4: "int64", 5: "float16", 6: "float32", 7: "float64", 11: "bool",
}  # fmt: skip
"""https://github.com/pytorch/executorch/blob/main/runtime/core/portable_type/scalar_type.h."""


def _library() -> Any:
    """The binding, without its warning that it is experimental."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import executorch.extension.pybindings.portable_lib as library

        return library


def probe() -> Availability:
    """Whether the binding imports; torch may be what is missing."""
    from importlib.metadata import version

    try:
        names = _library()._get_registered_backend_names()
        found = version("executorch")
    except ImportError as error:
        return Unavailable("%s; install it with: pip install 'benchfleet-agent[executorch]'" % error)
    return Available(found, FORMATS, tuple(sorted(names)))


def smallest(options: Options) -> Optional["Session"]:
    """A loaded and fed session of one operator; None where this runtime does not take the program."""
    with tempfile.NamedTemporaryFile(suffix=".pte") as file:
        file.write(zlib.decompress(bytes.fromhex(_SMALLEST_PACKED)))
        file.flush()
        try:
            session = load(file.name, options._replace(batch=1, samples=()))
        except RuntimeFault:
            return None
    session.prepare([Tensor("input_0", "float32", (1, 8), bytes(32))])
    session.run()
    session.outputs()
    return session


def load(path: str, options: Options) -> "Session":
    """A loaded method `forward`; RuntimeFault for a program that lacks it or that the runtime refuses."""
    library = _library()
    with open(path, "rb") as file:
        data = file.read()
    if data[4:6] != b"ET":
        raise RuntimeFault("unsupported_model", "not an ExecuTorch program: its first bytes lack the mark ET12")
    library._unsafe_reset_threadpool(options.threads)
    try:
        program = library._load_program(path, program_verification=library.Verification.InternalConsistency)
        names = [program.get_method_name(i) for i in range(program.num_methods())]
        if "forward" not in names:
            raise RuntimeFault("unsupported_model", "the program has no method forward, only %s" % ", ".join(names))
        method = program.load_method("forward")
    except RuntimeError as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise RuntimeFault("unsupported_model", "ExecuTorch refuses the program: %s" % first[:300]) from error
    return Session(library, program, method, _plan(data), options)


class Session:
    """A loaded method."""

    def __init__(
        self, library: Any, program: Any, method: Any, plan: Optional[Dict[str, int]], options: Options
    ) -> None:
        self._program, self._method = program, method
        meta = method.method_meta()
        self.inputs = [_spec(i, meta.input_tensor_meta(i)) for i in range(meta.num_inputs())]
        check([spec.shape for spec in self.inputs], options.batch, options.samples)
        delegates = [name for name in plan or {} if name != PORTABLE]
        asked = delegates[0] if delegates else PORTABLE
        self.facts: Dict[str, Any] = {
            "threads": int(library._threadpool_get_thread_count()),
            "delegates": delegates,
            "placement": placement(asked, plan, "the program's instructions cannot be read"),
        }
        self.run: Callable[[], Any] = self._unfed
        self._found: List[Any] = []

    def _unfed(self) -> None:
        raise RuntimeFault("exception", "run before prepare")

    def prepare(self, feed: List[Tensor]) -> None:
        """Makes the tensors that every run is given."""
        import numpy as np
        import torch

        given = [torch.from_numpy(np.frombuffer(t.data, dtype=t.dtype).reshape(t.shape).copy()) for t in feed]
        self.run = partial(self._method, given, False)

    def outputs(self) -> List[Tensor]:
        """Copies of the last outputs; what is not a tensor is left out."""
        found = []
        for i, made in enumerate(self._method.get_outputs(True)):
            if hasattr(made, "numpy"):
                array = made.contiguous().numpy()
                found.append(Tensor("output_%d" % i, str(array.dtype), tuple(array.shape), array.tobytes()))
        return found

    def close(self) -> None:
        """Releases method and program."""
        self.run = self._unfed
        self._method = self._program = None


def _spec(index: int, info: Any) -> TensorSpec:
    kind = int(info.dtype())
    return TensorSpec("input_%d" % index, _TYPES.get(kind, "type %d" % kind), tuple(info.sizes()))


_KERNEL, _DELEGATE = 1, 2


def _plan(data: bytes) -> Optional[Dict[str, int]]:
    """Instructions of `forward` by what runs them; a delegate's call is one, whatever it took over.

    https://github.com/pytorch/executorch/blob/main/schema/program.fbs: Program.execution_plan (1); ExecutionPlan.name
    (0), .chains (5), .delegates (7); Chain.instructions (2); Instruction is a union of type (0) and value (1).
    """
    try:
        root = root_of(data)
        (plan,) = [p for p in root.tables(1) if p.text(0) == "forward"]
        delegates = [d.text(0) for d in plan.tables(7)]
        counts: Dict[str, int] = {}
        for chain in plan.tables(5):
            for instruction in chain.tables(2):
                kind_at, value_at = instruction.field(0), instruction.field(1)
                kind = data[kind_at] if kind_at is not None else 0
                if kind == _KERNEL:
                    name = PORTABLE
                elif kind == _DELEGATE and value_at is not None:
                    index_at = Table(data, instruction.follow(value_at)).field(0)
                    name = delegates[struct.unpack_from("<i", data, index_at)[0] if index_at is not None else 0]
                else:
                    continue  # moves, jumps and frees compute nothing
                counts[name] = counts.get(name, 0) + 1
        return counts or None
    except (struct.error, ValueError, IndexError):
        return None
