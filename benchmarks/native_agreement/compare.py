"""Does the runner say what a native loop says? p50 of both on one ONNX Runtime, rounds interleaved in random order.

    python benchmarks/native_agreement/compare.py --rounds 20

Three sessions of each side per model, since two equal sessions differ by 1-2 %. Needs gcc, and the wheels of onnx and
onnxruntime. Prints one line a model: median latency of the native loop, ratio of the runner to it with its interval.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

from benchfleet.agent.measure import pacing, round_file
from benchfleet.agent.measure.lane import Lane
from benchfleet.core.runspec import Artifact, ModelRef, RunSpec
from benchfleet.core.statistics import interval_of_log_mean

SESSIONS = 3
CALLS_MIN, SPAN_S = 20, 0.1
SIZES = {"0.1 ms": (8, 32, 3), "1 ms": (16, 60, 4), "10 ms": (32, 76, 8)}
"""Channels, height and width, layers: about these latencies on a core of 2023."""


def synthesise(path: Path, channels: int, side: int, layers: int) -> str:
    """A stack of 3x3 convolutions with ReLU; returns the sizes of its input and output."""
    import numpy as np
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    source = np.random.default_rng(0)
    weights, nodes, last = [], [], "x"
    for i in range(layers):
        values = (source.standard_normal((channels, channels, 3, 3)) * 0.05).astype(np.float32)
        weights.append(numpy_helper.from_array(values, f"w{i}"))
        out = "y" if i == layers - 1 else f"r{i}"
        nodes.append(helper.make_node("Conv", [last, f"w{i}"], [f"c{i}"], pads=[1, 1, 1, 1]))
        nodes.append(helper.make_node("Relu", [f"c{i}"], [out]))
        last = out
    sizes = [1, channels, side, side]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, sizes) for name in ("x", "y")]
    graph = helper.make_graph(nodes, "stack", ends[:1], ends[1:], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 8
    onnx.save(model, path)
    return ",".join(map(str, sizes))


class Native:
    """The C loop as a process."""

    def __init__(self, command: list[str]) -> None:
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    async def median_ns(self) -> float:
        """The median of one round."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{CALLS_MIN} {int(SPAN_S * 1e9)}\n")
        self._process.stdin.flush()
        answer = await asyncio.to_thread(self._process.stdout.readline)
        return float(answer.split()[1])

    async def stop(self) -> None:
        """Ends it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


class Runner:
    """The agent's runner as a process, driven as a measurement drives it."""

    def __init__(self, lane: Lane) -> None:
        self._lane = lane

    async def start(self) -> Runner:
        """Loads and warms."""
        await self._lane.start(120)
        await self._lane.command("load", 120, 600)
        await self._lane.command("warm", 60, 600, span_s=0.5, window_s=0.2, cap_s=5.0)
        return self

    async def median_ns(self) -> float:
        """The median of one round."""
        done = await self._lane.command("round", 60, 600, calls_min=CALLS_MIN, span_s=SPAN_S, cap_s=10.0)
        return float(median(round_file.last(self._lane.series, done["series"])["wall_ns"]))

    async def stop(self) -> None:
        """Ends it."""
        await self._lane.stop()


def build(folder: Path) -> Path:
    """Compiles the loop."""
    program = folder / "loop"
    source = Path(__file__).with_name("loop.c")
    subprocess.run(["gcc", "-O2", "-Wall", "-o", str(program), str(source), "-ldl"], check=True)
    return program


def library() -> Path:
    """libonnxruntime of the installed wheel."""
    import onnxruntime

    folder = Path(onnxruntime.__file__).parent / "capi"
    return next(iter(sorted(folder.glob("libonnxruntime.so.*"))))


def runner_spec(model: Path) -> dict[str, Any]:
    """One thread, batch 1."""
    ref = ModelRef(name="m:file", format="onnx", precision=None, artifact=Artifact(digest="0" * 64, size_bytes=1))
    return {
        "model": str(model), "runtime": "onnxruntime", "runtime_file": None, "launch": 0, "threads": 1, "batch": 1,
        **pacing.told(RunSpec(model=ref, runtime="onnxruntime", profile="quick")),
        "seed": 0, "shapes": {}, "runtime_options": {}, "dataset": None,
    }  # fmt: skip


async def compare(folder: Path, program: Path, name: str, rounds: int) -> dict[str, Any]:
    """Ratios of the runner's round medians to the native ones, one per round."""
    model = folder / f"{name.replace(' ', '')}.onnx"
    sizes = synthesise(model, *SIZES[name])
    command = [str(program), str(library()), str(model), "x", sizes, "y", sizes]
    native = [Native(command) for _ in range(SESSIONS)]
    ours = [
        await Runner(Lane("model", runner_spec(model), folder / f"{model.stem}-{i}")).start() for i in range(SESSIONS)
    ]
    for each in native:
        await each.median_ns()  # warm
    order = random.Random(1)
    ratios, medians = [], []
    sides: list[Native | Runner] = [*native, *ours]
    for _ in range(rounds):
        order.shuffle(sides)
        seen = {}
        for side in sides:
            seen[id(side)] = await side.median_ns()
        reference = median(seen[id(side)] for side in native)
        medians.append(reference)
        ratios.append(median(seen[id(side)] for side in ours) / reference)
    for side in sides:
        await side.stop()
    return {
        "model": name,
        "native_p50_ms": median(medians) / 1e6,
        "ratio": median(ratios),
        "ratio_ci95": interval_of_log_mean(ratios),
        "rounds": rounds,
    }


def main() -> int:
    """Prints a line a model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="benchfleet-native-") as scratch:
        program = build(Path(scratch))
        for name in SIZES:
            found = asyncio.run(compare(Path(scratch), program, name, given.rounds))
            low, high = found["ratio_ci95"]
            said = f"{name:8} native p50 {found['native_p50_ms']:8.4f} ms   runner/native {found['ratio']:.4f}"
            print(json.dumps(found) if given.json else f"{said} [{low:.4f}, {high:.4f}]", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
