"""What a default campaign costs: seconds of the profile standard per model and launch, for models of up to 50 ms.

    python benchmarks/campaign_cost.py

Each model is the fake engine, which takes the time it is told asleep, so that the figure is of the protocol, not of
the host. All are cells of one block, as a fleet measures them: the seconds are those of the block, over its models and
launches, with the watch of the idle host, the starts of processes, warm-up, rounds, checks and the reference work.
Beside it the seconds of each model's own rounds in a launch. The goal is 60 s.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import tempfile
import time
from importlib import resources
from pathlib import Path

from benchfleet.agent import probe
from benchfleet.agent.measure.block import Around, Cell, Files, measure_block
from benchfleet.agent.measure.profiles import profile
from benchfleet.agent.measure.reference import Reference
from benchfleet.core.clock import SystemClock
from benchfleet.core.runspec import Artifact, ModelRef, RunSpec

GOAL_S = 60.0
MODEL = Path(str(resources.files("benchfleet.controller"))) / "demo" / "data" / "digits-fp32.onnx"


def cell(latency_ms: float, profile_name: str) -> Cell:
    """A model of a latency."""
    model = ModelRef(name="fake", format="onnx", precision=None, artifact=Artifact(digest="0" * 64, size_bytes=1))
    options = {"latency_us": latency_ms * 1e3, "wait": "sleep"}
    spec = RunSpec(model=model, runtime="fake", profile=profile_name, runtime_options=options)
    return Cell(name=f"{latency_ms:g}ms", spec=spec, files=Files(model=MODEL))


def main() -> None:
    """Measure and print a line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--latency-ms", type=float, nargs="+", default=[1.0, 10.0, 50.0])
    parser.add_argument("--profile", default="standard")
    options = parser.parse_args()
    cells = [cell(ms, options.profile) for ms in options.latency_ms]
    launches = profile(options.profile).launches
    with tempfile.TemporaryDirectory(prefix="benchfleet-cost-") as folder:
        os.environ["BENCHFLEET_HOST_LOCK"] = f"{folder}/lock"  # others' turns are no part of the cost
        around = Around(workspace=Path(folder), inventory=probe.inventory(), clock=SystemClock(), reference=Reference())
        start_s = time.monotonic()
        found = asyncio.run(measure_block(cells, around))
        block_s = time.monotonic() - start_s
        own = []
        for ms, measured in zip(options.latency_ms, found, strict=True):
            rounds = measured.result.provenance["rounds"]["model"]
            queries = measured.result.metrics["latency_ms_p50"].n or 0
            own.append(f"{ms:g} ms: {len(rounds) / launches:.0f} rounds, {queries * ms * 1e-3 / launches:.0f} s")
    each_s = block_s / len(cells) / launches
    print(
        f"campaign_cost: {each_s:.0f} s per model and launch ({each_s / GOAL_S:.2f} of the goal of {GOAL_S:.0f} s; "
        f"{len(cells)} models, {launches} launches, {block_s:.0f} s in all; rounds of a launch: {'; '.join(own)})"
    )


if __name__ == "__main__":
    main()
