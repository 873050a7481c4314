"""What reading the sensors at 10 Hz costs a model: pairs of rounds with the sampler on and off, in one process.

The runner, the lane and the sampler are those of a measurement; nothing else is. The digits network takes some tens of
microseconds and is hit by every wake-up, the other two are a constant time of the null runtime.
"""

from __future__ import annotations

import asyncio
import random
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchfleet.agent import probe
from benchfleet.agent.measure import monitor, pacing, round_file
from benchfleet.agent.measure.lane import Lane
from benchfleet.agent.sampler import ACTIVE_HZ, Sampler
from benchfleet.core.evidence import Evidence
from benchfleet.core.evidence import Lane as Seen
from benchfleet.core.metrics.monitor import METRICS
from benchfleet.core.runspec import Artifact, ModelRef, RunSpec

MODEL = Path(__file__).parents[1] / "controller/src/benchfleet/controller/demo/data/digits-fp32.onnx"
PAIRS, SPAN_S = 60, 0.25
GOAL = 1.005
LOADS = {"onnxruntime": {}, "null": {"latency_us": 1000}}


async def overhead(folder: Path, runtime: str, options: dict[str, object]) -> None:
    """Measure one load and print one line."""
    ref = ModelRef(name="m", format="onnx", precision=None, artifact=Artifact(digest="0" * 64, size_bytes=1))
    spec = RunSpec(model=ref, runtime=runtime, runtime_options=options)
    interpreter, runtime_file = probe.started_by(runtime)
    told = {
        "model": str(MODEL),
        "runtime": runtime,
        "runtime_file": runtime_file,
        **pacing.told(spec),
        "launch": 0,
        "threads": 1,
        "batch": 1,
        "seed": 0,
        "shapes": {},
        "runtime_options": options,
        "dataset": None,
    }
    lane, sampler = Lane(runtime, told, folder / runtime, interpreter), Sampler()
    sampler.active(True)
    sampler.start()

    async def timed() -> Sequence[int]:
        done = await lane.command("round", 60.0, 600.0, calls_min=20, span_s=SPAN_S, cap_s=10.0)
        return round_file.last(lane.series, done["series"])["wall_ns"]

    try:
        await lane.start(60.0)
        await lane.command("load", 60.0, 600.0)
        await lane.command("warm", 60.0, 600.0, span_s=1.0, window_s=0.5, cap_s=5.0)
        found = await monitor.pairs(timed, sampler, PAIRS, random.Random(0))
    finally:
        await lane.kill()
        await asyncio.to_thread(sampler.stop)
    seen = Evidence(
        model=Seen(rounds=(), launches=(), outputs=None),
        baseline=None,
        batch=1,
        model_size_bytes=1,
        monitor_pairs_ns=tuple(found),
    )
    value = METRICS[0].compute(seen)
    assert value.value is not None
    assert value.ci95 is not None
    low, high = value.ci95
    verdict = "within" if high <= GOAL else "ABOVE" if low > GOAL else "not told apart from"
    median_us = sorted(on for on, _ in found)[len(found) // 2] / 1e3
    print(
        f"monitor_overhead: {runtime} at {median_us:.0f} us a call, sampler at {ACTIVE_HZ:.0f} Hz on / off "
        f"{value.value:.4f} [{low:.4f}, {high:.4f}] (n={PAIRS} pairs), {verdict} the goal of {GOAL}"
    )


async def main() -> None:
    """All loads, one after the other."""
    with tempfile.TemporaryDirectory(prefix="benchfleet-monitor-") as folder:
        for runtime, options in LOADS.items():
            await overhead(Path(folder), runtime, options)


if __name__ == "__main__":
    asyncio.run(main())
