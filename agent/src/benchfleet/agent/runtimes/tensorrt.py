"""TensorRT: an engine is built on the device in a stage of its own, kept, and run with CUDA events beside our clock.

https://docs.nvidia.com/deeplearning/tensorrt/latest/inference-library/python-api-docs.html. Reads ONNX. On a Jetson the
library comes with JetPack: BENCHFLEET_PYTHON_TENSORRT=/usr/bin/python3. Options: precision (fp32, fp16), workspace_mib.

One call is copy in, compute, copy out, and wait, as trtexec counts latency; the engine's own time is between two CUDA
events around the compute. An engine is code for one GPU: it is only read from the folder that the agent built it in,
and its name holds the model's digest, the versions, the GPU, its power mode and all that was asked of the builder.
No board has shown this adapter yet: its tests run against a stand-in for the vendor's library.
"""

import hashlib
import json
import os
import re
from functools import partial
from typing import Any, Callable, Dict, List, Optional, Tuple

from benchfleet.agent.runner.batch import check
from benchfleet.agent.runner.contract import (
    Availability,
    Available,
    Built,
    Options,
    RuntimeFault,
    Tensor,
    TensorSpec,
    Unavailable,
    placement,
)
from benchfleet.agent.runner.external import vet

FORMATS = ("onnx",)
OPTIONS = ("precision", "workspace_mib")
_PRECISIONS = ("fp32", "fp16")
_WORKSPACE_MIB = 1024
_EXTRA = "install it with: pip install 'benchfleet-agent[tensorrt]', or name the interpreter of JetPack"


class _Cuda:
    """The calls of the CUDA runtime that are needed, each checked; https://nvidia.github.io/cuda-python."""

    def __init__(self) -> None:
        try:
            from cuda.bindings import runtime as library
        except ImportError:
            from cuda import cudart as library  # before 12.6
        self.library = library
        self.to_device = library.cudaMemcpyKind.cudaMemcpyHostToDevice
        self.to_host = library.cudaMemcpyKind.cudaMemcpyDeviceToHost

    def __call__(self, name: str, *arguments: Any) -> Any:
        """The result of one call; RuntimeFault with CUDA's own number when it fails."""
        code, *found = getattr(self.library, name)(*arguments)
        if int(code) != 0:
            raise RuntimeFault("device_lost", "%s failed with CUDA error %d" % (name, int(code)))
        return found[0] if len(found) == 1 else tuple(found)


def probe() -> Availability:
    """Whether library and driver are there, and the GPUs."""
    try:
        import tensorrt

        cuda = _Cuda()
    except ImportError as error:
        return Unavailable("%s; %s" % (error, _EXTRA))
    try:
        count = int(cuda("cudaGetDeviceCount"))
    except RuntimeFault as fault:
        return Unavailable("no NVIDIA GPU answers (%s); install its driver" % fault)
    names = tuple(_gpu(cuda, i)["name"] for i in range(count))
    if not names:
        return Unavailable("there is no NVIDIA GPU; install its driver if there is one")
    return Available(str(tensorrt.__version__), FORMATS, names)


def _gpu(cuda: _Cuda, index: int = 0) -> Dict[str, str]:
    about = cuda("cudaGetDeviceProperties", index)
    name = about.name.decode() if isinstance(about.name, bytes) else str(about.name)
    return {"name": name.strip("\0"), "compute_capability": "%d.%d" % (about.major, about.minor)}


def power_mode(root: str = "/") -> Optional[str]:
    """The mode that nvpmodel set on a Jetson, such as `0002`; None elsewhere."""
    try:
        with open(os.path.join(root, "var/lib/nvpmodel/status")) as file:
            found = re.search(r"pmode:(\w+)", file.read(200))
    except OSError:
        return None
    return found.group(1) if found else None


def _asked(options: Options) -> Dict[str, Any]:
    """What the builder is asked for; RuntimeFault for what it cannot be."""
    precision = options.extra.get("precision", "fp32")
    if precision not in _PRECISIONS:
        raise RuntimeFault("unsupported_option", "precision is one of %s, not %r" % (", ".join(_PRECISIONS), precision))
    workspace = options.extra.get("workspace_mib", _WORKSPACE_MIB)
    if isinstance(workspace, bool) or not isinstance(workspace, int) or not 1 <= workspace <= 1024 * 1024:
        raise RuntimeFault("unsupported_option", "workspace_mib is a whole number of MiB, not %r" % (workspace,))
    return {"precision": precision, "workspace_mib": workspace, "batch": options.batch}


def build(path: str, options: Options, folder: str) -> Built:
    """The engine of a model in `folder`, made unless it is there; takes minutes."""
    import tensorrt as trt

    vet(path)
    cuda = _Cuda()
    with open(path, "rb") as file:
        model = file.read()
    facts = {
        "tensorrt": str(trt.__version__),
        "cuda": str(cuda("cudaRuntimeGetVersion")),
        "driver": str(cuda("cudaDriverGetVersion")),
        "power_mode": power_mode(),
        **_gpu(cuda),
        **_asked(options),
    }
    named = {"model": hashlib.sha256(model).hexdigest(), **facts}
    key = hashlib.sha256(json.dumps(named, sort_keys=True).encode()).hexdigest()
    kept = os.path.join(folder, key + ".plan")
    if _whole(kept):
        return Built(kept, True, {**facts, "engine_bytes": os.path.getsize(kept)})
    plan = _plan(trt, model, options)
    _keep(kept, plan)
    return Built(kept, False, {**facts, "engine_bytes": len(plan)})


def _keep(path: str, plan: bytes) -> None:
    """Engine and digest, whole or not at all, for nobody else to write."""
    for name, data in ((path, plan), (path + ".sha256", hashlib.sha256(plan).hexdigest().encode())):
        with open(os.open(name + ".part", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(data)
        os.replace(name + ".part", name)


def _whole(path: str) -> bool:
    """Whether an engine is there, is ours, and is what was written."""
    try:
        with open(path, "rb") as file, open(path + ".sha256") as digest:
            mine = os.fstat(file.fileno()).st_uid == os.geteuid()
            return mine and hashlib.sha256(file.read()).hexdigest() == digest.read()
    except OSError:
        return False


def _plan(trt: Any, model: bytes, options: Options) -> bytes:
    """Serialized engine; RuntimeFault for a model that the parser or the builder refuses."""
    logger = trt.Logger(trt.Logger.ERROR)
    builder = trt.Builder(logger)
    explicit = getattr(trt.NetworkDefinitionCreationFlag, "EXPLICIT_BATCH", None)  # the only kind from 10 on
    network = builder.create_network(0 if explicit is None else 1 << int(explicit))
    parser = trt.OnnxParser(network, logger)
    if not parser.parse(model):
        first = parser.get_error(0).desc() if parser.num_errors else "no reason given"
        raise RuntimeFault("unsupported_model", "TensorRT cannot read the model: %s" % str(first)[:300])
    asked, config = _asked(options), builder.create_builder_config()
    config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, asked["workspace_mib"] * 1024 * 1024)
    if asked["precision"] == "fp16":
        if not hasattr(trt.BuilderFlag, "FP16"):
            raise RuntimeFault(
                "unsupported_option", "this TensorRT takes the precision from the model; export it in fp16"
            )
        config.set_flag(trt.BuilderFlag.FP16)
    profile, shapes = builder.create_optimization_profile(), []
    for i in range(network.num_inputs):
        given = network.get_input(i)
        shape = _fixed(given.name, tuple(given.shape), options.batch)
        shapes.append(shape)
        profile.set_shape(given.name, shape, shape, shape)
    check(shapes, options.batch, options.samples)
    config.add_optimization_profile(profile)
    plan = builder.build_serialized_network(network, config)
    if plan is None:
        raise RuntimeFault("unsupported_model", "TensorRT cannot build the model within %(workspace_mib)d MiB" % asked)
    return bytes(plan)


def _fixed(name: str, shape: Tuple[int, ...], batch: int) -> Tuple[int, ...]:
    """The shape at a batch; an engine is built for one."""
    if any(size < 0 for size in shape[1:]):
        raise RuntimeFault(
            "dynamic_shape", "input %r has open sizes beside its batch; export it with fixed ones" % name
        )
    return (batch, *shape[1:]) if shape and shape[0] < 0 else shape


def load(path: str, options: Options) -> "Session":
    """An engine that `build` made; another file is refused, since an engine is code."""
    import tensorrt as trt

    if not path.endswith(".plan") or not _whole(path):
        raise RuntimeFault("unsupported_model", "is no engine that this agent built; give the ONNX model")
    cuda = _Cuda()
    free_bytes, _ = cuda("cudaMemGetInfo")
    with open(path, "rb") as file:
        engine = trt.Runtime(trt.Logger(trt.Logger.ERROR)).deserialize_cuda_engine(file.read())
    if engine is None:
        raise RuntimeFault("unsupported_model", "TensorRT does not take back the engine that it built")
    return Session(trt, cuda, engine, int(free_bytes), options)


class Session:
    """An engine with one context, one stream, and memory on both sides for every tensor."""

    def __init__(self, trt: Any, cuda: _Cuda, engine: Any, free_bytes: int, options: Options) -> None:
        self._cuda, self._engine, self._free_bytes = cuda, engine, free_bytes
        self._context = engine.create_execution_context()
        self._stream = cuda("cudaStreamCreate")
        self._start, self._stop = cuda("cudaEventCreate"), cuda("cudaEventCreate")
        names = [engine.get_tensor_name(i) for i in range(engine.num_io_tensors)]
        self._given = [n for n in names if engine.get_tensor_mode(n) == trt.TensorIOMode.INPUT]
        self._made = [n for n in names if n not in self._given]
        self._dtypes = {n: _dtype(trt, engine.get_tensor_dtype(n)) for n in names}
        shapes = {n: _fixed(n, tuple(engine.get_tensor_shape(n)), options.batch) for n in self._given}
        self.inputs = [TensorSpec(n, self._dtypes[n], shapes[n]) for n in self._given]
        self._host: Dict[str, Any] = {}
        self._device: Dict[str, int] = {}
        self._least_free = free_bytes
        self.run: Callable[[], None] = self._unfed
        gpu = _gpu(cuda)
        self.facts: Dict[str, Any] = {
            "gpu": gpu["name"],
            "compute_capability": gpu["compute_capability"],
            "power_mode": power_mode(),
            "precision_asked": _asked(options)["precision"],
            "placement": placement("GPU", {"GPU": 1}),  # an engine holds the whole model, or is not built
        }

    def prepare(self, feed: List[Tensor]) -> None:
        """Copies the feed into page-locked memory; the first time allocates, on both sides."""
        import ctypes

        for tensor in feed:
            if tensor.name not in self._host:
                self._context.set_input_shape(tensor.name, tensor.shape)
                self._allocate(tensor.name, len(tensor.data))
            ctypes.memmove(self._host[tensor.name][0], tensor.data, len(tensor.data))
        for name in self._made:
            if name not in self._host:
                self._allocate(name, _size_bytes(self._dtypes[name], tuple(self._context.get_tensor_shape(name))))
        self.run = self._enqueue()

    def _unfed(self) -> None:
        raise RuntimeFault("exception", "run before prepare")

    def _allocate(self, name: str, size_bytes: int) -> None:
        self._host[name] = (int(self._cuda("cudaMallocHost", size_bytes)), size_bytes)
        self._device[name] = int(self._cuda("cudaMalloc", size_bytes))
        self._context.set_tensor_address(name, self._device[name])
        self._note_memory()

    def _note_memory(self) -> None:
        self._least_free = min(self._least_free, int(self._cuda("cudaMemGetInfo")[0]))

    def _enqueue(self) -> Callable[[], None]:
        """One call with everything looked up beforehand; CUDA reports at the wait what failed before it."""
        cuda, stream, library = self._cuda, self._stream, self._cuda.library
        copies_in = [
            partial(library.cudaMemcpyAsync, self._device[n], *self._host[n], cuda.to_device, stream)
            for n in self._given
        ]
        copies_out = [
            partial(library.cudaMemcpyAsync, self._host[n][0], self._device[n], self._host[n][1], cuda.to_host, stream)
            for n in self._made
        ]
        start = partial(library.cudaEventRecord, self._start, stream)
        stop = partial(library.cudaEventRecord, self._stop, stream)
        wait = partial(library.cudaStreamSynchronize, stream)
        compute = partial(self._context.execute_async_v3, int(stream))

        def run() -> None:
            for copy in copies_in:
                copy()
            start()
            enqueued = compute()
            stop()
            for copy in copies_out:
                copy()
            (code,) = wait()
            if int(code) or not enqueued:
                raise RuntimeFault("device_lost", "the engine did not run (CUDA error %d)" % int(code))

        return run

    def outputs(self) -> List[Tensor]:
        """Copies of the last outputs."""
        import ctypes

        found = []
        for name in self._made:
            address, size_bytes = self._host[name]
            shape = tuple(self._context.get_tensor_shape(name))
            found.append(Tensor(name, self._dtypes[name], shape, ctypes.string_at(address, size_bytes)))
        return found

    def engine_ns(self) -> int:
        """Between the two events of the last run; their resolution is about half a microsecond."""
        return int(float(self._cuda("cudaEventElapsedTime", self._start, self._stop)) * 1e6)

    def device_memory_bytes(self) -> int:
        """What was free before the engine was loaded minus the least that was free since: others count into it."""
        self._note_memory()
        return self._free_bytes - self._least_free

    def close(self) -> None:
        """Gives memory, events and stream back."""
        for address, _ in self._host.values():
            self._cuda("cudaFreeHost", address)
        for pointer in self._device.values():
            self._cuda("cudaFree", pointer)
        for event in (self._start, self._stop):
            self._cuda("cudaEventDestroy", event)
        self._cuda("cudaStreamDestroy", self._stream)
        self.run = self._unfed
        self._host, self._device, self._context, self._engine = {}, {}, None, None


def _dtype(trt: Any, kind: Any) -> str:
    import numpy as np

    return str(np.dtype(trt.nptype(kind)))


def _size_bytes(dtype: str, shape: Tuple[int, ...]) -> int:
    import numpy as np

    return int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize
