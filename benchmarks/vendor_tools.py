"""Our numbers beside the vendors' own tools: OpenVINO's benchmark_app and LiteRT's benchmark_litert_model.

A launch of ours and one of theirs alternate in random order, on the same file, one thread, the same precision. A pair
gives a ratio of medians; the line has the median of the ratios and their quarter points, since single pairs move with
the host. OpenVINO has two ratios: our wall clock around infer(), and InferRequest.latency, which its tool prints.

    python benchmarks/vendor_tools.py [MODEL.onnx MODEL.tflite]

By default the digits models; a model of a millisecond or more shows less of what a call itself costs. Needs
scripts/setup-engines. LiteRT's tool rounds to 10 us, so its median is taken before it is rounded.
"""

from __future__ import annotations

import asyncio
import os
import random
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from benchfleet.agent import probe
from benchfleet.agent.measure import pacing, round_file
from benchfleet.agent.measure.lane import Lane
from benchfleet.core.runspec import Artifact, ModelRef, RunSpec

ROOT = Path(__file__).parents[1]
DATA = ROOT / "controller/src/benchfleet/controller/demo/data"
OPENVINO = ROOT / ".engines/openvino/bin"
PAIRS = 12
SPAN_S = 2.0
SEED = 20_261
LITERT_RUNS = """
import statistics, sys, types
from ai_edge_litert.tools import benchmark_litert_model as tool
def median(values):
    found = statistics.median(values)
    print("median_ms", found, len(values))
    return found
tool.statistics = types.SimpleNamespace(**{**vars(statistics), "median": median})
sys.argv = ["benchmark_litert_model", *sys.argv[1:]]
tool.main()
"""


async def ours(model: Path, runtime: str, options: dict[str, Any]) -> tuple[float, float | None]:
    """One launch: (median wall clock, median by the engine's own clock), in ms."""
    ref = ModelRef(name="m:file", format="-", precision=None, artifact=Artifact(digest="0" * 64, size_bytes=1))
    interpreter, file = probe.started_by(runtime)
    told = {
        "model": str(model.absolute()), "runtime": runtime, "runtime_file": file, "launch": 0, "threads": 1, "batch": 1,
        **pacing.told(RunSpec(model=ref, runtime=runtime, profile="quick")),
        "seed": 0, "shapes": {}, "runtime_options": options, "dataset": None,
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        lane = Lane("model", told, Path(folder), interpreter)
        await lane.start(120)
        try:
            await lane.command("load", 120, 120)
            await lane.command("warm", 60, 120, span_s=0.5, window_s=0.25, cap_s=5.0)
            wall: list[int] = []
            for _ in range(8):
                done = await lane.command("round", 60, 120, calls_min=20, span_s=SPAN_S / 8, cap_s=10.0)
                wall.extend(round_file.last(lane.series, done["series"])["wall_ns"])
            said = (await lane.command("check", 60, 120, samples_max=0))["facts"]
        finally:
            await lane.stop()
    return median(wall) * 1e-6, said.get("engine_latency_ms_p50")


def benchmark_app(model: Path) -> float:
    """The median that OpenVINO's tool prints, in ms."""
    command = [
        str(OPENVINO / "benchmark_app"), "-m", str(model), "-d", "CPU", "-hint", "none", "-api", "sync",
        "-nthreads", "1", "-nstreams", "1", "-nireq", "1", "-infer_precision", "f32", "-t", str(int(SPAN_S)),
        "-shape", "[1,1,32,32]",
    ]  # fmt: skip
    if model.parent != DATA:
        del command[-2:]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    number, unit = re.findall(r"Median:\s+([\d.]+) (ms|us)", done.stdout)[0]
    return float(number) * (1e-3 if unit == "us" else 1.0)


def litert_benchmark(model: Path, runs: int) -> float:
    """The median of LiteRT's tool before it rounds, in ms."""
    command = [
        sys.executable, "-c", LITERT_RUNS, "--model", str(model), "--num_runs", str(runs), "--warmup_runs", "200",
        "--num_threads", "1",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(re.findall(r"median_ms ([\d.]+)", done.stdout)[0])


async def pairs(
    model: Path, runtime: str, options: dict[str, Any], theirs: Callable[[], float], order: random.Random
) -> list[tuple[float, float | None, float]]:
    """(our wall, our engine clock, theirs) of each pair."""
    found = []
    for _ in range(PAIRS):
        first = order.random() < 0.5
        before = None if first else await asyncio.to_thread(theirs)
        wall, engine = await ours(model, runtime, options)
        found.append((wall, engine, await asyncio.to_thread(theirs) if before is None else before))
    return found


def line(name: str, ratios: list[float]) -> str:
    """Median and quarter points."""
    low, middle, high = quantiles(ratios, n=4)
    return f"{name} {middle:.3f} [{low:.3f}, {high:.3f}]"


async def main() -> int:
    """Prints a line for each tool."""
    if not (OPENVINO / "benchmark_app").exists():
        raise SystemExit("vendor_tools: run scripts/setup-engines first")
    os.environ["BENCHFLEET_PYTHON_OPENVINO"] = str(OPENVINO / "python")
    onnx, tflite = (
        map(Path, sys.argv[1:3]) if len(sys.argv) == 3 else (DATA / "digits-fp32.onnx", DATA / "digits-fp32.tflite")
    )
    order = random.Random(SEED)
    seen = await pairs(onnx, "openvino", {"precision": "f32"}, lambda: benchmark_app(onnx), order)
    print(
        f"vendor_tools: openvino over benchmark_app, median and quarters of {PAIRS} pairs at "
        f"{median(theirs for _, _, theirs in seen):.3f} ms: "
        + line("wall clock", [wall / theirs for wall, _, theirs in seen])
        + ", "
        + line("InferRequest.latency", [engine / theirs for _, engine, theirs in seen if engine is not None]),
        flush=True,
    )
    wall_ms, _ = await ours(tflite, "litert", {})
    runs = max(50, min(20_000, int(SPAN_S * 1e3 / wall_ms)))
    seen = await pairs(tflite, "litert", {}, lambda: litert_benchmark(tflite, runs), order)
    print(
        f"vendor_tools: litert over benchmark_litert_model, {PAIRS} pairs at "
        f"{median(theirs for _, _, theirs in seen):.3f} ms: "
        + line("wall clock", [wall / theirs for wall, _, theirs in seen])
        + "; theirs alone spread by "
        + f"{max(t for _, _, t in seen) / min(t for _, _, t in seen):.2f} from launch to launch, ours by "
        + f"{max(w for w, _, _ in seen) / min(w for w, _, _ in seen):.2f}"
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(asyncio.run(main()))
