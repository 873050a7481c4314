"""Our numbers and MLCommons LoadGen's: the same runner driven by both, in turns, and the same estimate.

    python benchmarks/loadgen_agreement.py

Each pair is one `bench --loadgen` and one `bench` of the profile quick, in random order; the ratio is our median over
LoadGen's, which also times its Python binding. Then LoadGen alone answers 2,000 queries with its trace on, and our
early-stopping estimate of those times must be LoadGen's to the nanosecond: the command ends with 1 when it is not.
Needs the wheel mlcommons-loadgen. MLCommons' whole submission checker is another benchmark (mlperf_directory.py).
"""

from __future__ import annotations

import argparse
import json
import random
import re
import subprocess
import sys
import tempfile
from importlib import resources
from pathlib import Path
from statistics import median
from typing import Any

from benchfleet.core import early_stopping

MODEL = Path(str(resources.files("benchfleet.controller"))) / "demo" / "data" / "digits-fp32.onnx"
DRIVE = """
import random, sys, time
import mlperf_loadgen as lg

def issue(samples):
    for sample in samples:
        until = time.perf_counter_ns() + random.randrange(10_000, 200_000)
        while time.perf_counter_ns() < until:
            pass
        lg.QuerySamplesComplete([lg.QuerySampleResponse(sample.id, 0, 0)])

settings = lg.TestSettings()
settings.scenario, settings.mode = lg.TestScenario.SingleStream, lg.TestMode.PerformanceOnly
settings.min_duration_ms, settings.min_query_count, settings.max_query_count = 0, 2000, 2000
outputs = lg.LogOutputSettings()
outputs.outdir, outputs.copy_summary_to_stdout = sys.argv[1], False
log = lg.LogSettings()
log.log_output, log.enable_trace = outputs, True
system, library = lg.ConstructSUT(issue, lambda: None), lg.ConstructQSL(16, 16, lambda _: None, lambda _: None)
lg.StartTestWithLogSettings(system, library, settings, log)
"""


def bench(*arguments: str) -> dict[str, Any]:
    """One `benchfleet-agent bench`, as a user would run it."""
    command = [str(Path(sys.executable).with_name("benchfleet-agent")), "bench", *arguments, "--json"]
    found: dict[str, Any] = json.loads(subprocess.run(command, capture_output=True, text=True, check=False).stdout)
    return found


def estimates(folder: str) -> tuple[dict[float, int], dict[float, float | None]]:
    """LoadGen's early-stopping estimates of its own queries, and ours of the same times."""
    subprocess.run([sys.executable, "-c", DRIVE, folder], check=True)
    trace = Path(folder, "mlperf_log_trace.json").read_text()
    taken_ns = sorted(int(ns) for ns in re.findall(r'"complete_ns":(\d+)', trace))
    summary = Path(folder, "mlperf_log_summary.txt").read_text()
    printed = {float(p): int(ns) for p, ns in re.findall(r"stopping ([0-9.]+)th percentile estimate: (\d+)", summary)}
    return printed, {p: early_stopping.estimate(taken_ns, p / 100) for p in printed}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--model", type=Path, default=MODEL)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3, help="of LoadGen")
    options = parser.parse_args()
    order, ratios = random.Random(0), []
    given = [str(options.model), "--profile", "quick"]
    with tempfile.TemporaryDirectory(prefix="benchfleet-loadgen-") as folder:
        for pair in range(options.pairs):
            logs = f"{folder}/{pair}"
            driven = ["--loadgen", logs, "--loadgen-seconds", str(options.seconds)]
            found = {which: bench(*given, *which) for which in order.sample([(), tuple(driven)], 2)}
            theirs = found[tuple(driven)]["loadgen"]["result_50.00_percentile_latency_ns"] * 1e-6
            ratios.append(found[()]["metrics"]["latency_ms_p50"]["value"] / theirs)
        printed, ours = estimates(folder)
    same = bool(printed) and printed == ours
    ratios.sort()
    print(
        f"loadgen_agreement: our median over LoadGen's {median(ratios):.3f} [{ratios[0]:.3f}, {ratios[-1]:.3f}] "
        f"({len(ratios)} pairs, least and greatest); early-stopping estimates of "
        f"{', '.join(f'p{p:g}' for p in printed)} {'bit-equal' if same else f'DIFFER: {printed} {ours}'}"
    )
    sys.exit(0 if same else 1)


if __name__ == "__main__":
    main()
