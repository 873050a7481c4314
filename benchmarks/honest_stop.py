"""Is a number ever printed that was not measured enough? Engines that never settle, and models of few calls.

    python benchmarks/honest_stop.py

The fake engine plays a drift, two modes, correlated calls and a slow model in the profile quick. For each: whether p99
was printed from fewer than 368 calls, whether the median's interval is wider than the profile asks without the flag
`ci_target_not_met`, and whether the interval holds the engine's true median. Beside it what a rule of 50 calls would
have printed from the same series as p99, over what all calls say. Ends with 1 when a number was printed that should not
have been.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
import tempfile
import zipfile
from array import array
from importlib import resources
from pathlib import Path
from typing import Any

from benchfleet.agent.measure.profiles import profile

FLOORS = {"latency_ms_p90": 36, "latency_ms_p95": 72, "latency_ms_p99": 368, "latency_ms_p999": 3688}
FIXED = 50
"""What LiteRT's benchmark tool times by default."""
MODEL = Path(str(resources.files("benchfleet.controller"))) / "demo" / "data" / "digits-fp32.onnx"
ENGINES: dict[str, dict[str, Any]] = {
    "constant": {"latency_us": 2000},
    "drift": {"trace": "drift", "latency_us": 2000, "slow": 3.0, "every_s": 4.0},
    "two modes": {"trace": "bimodal", "latency_us": 2000, "slow": 1.5, "every_s": 0.7},
    "correlated": {"trace": "ar1", "latency_us": 2000, "noise": 0.3, "phi": 0.95},
    "slow": {"latency_us": 150_000},
}


def bench(told: dict[str, Any], folder: str) -> tuple[dict[str, Any], list[int]]:
    """One result and its calls."""
    options = [part for k, v in told.items() for part in ("--option", f"{k}={json.dumps(v)}")]
    command = [str(Path(sys.executable).with_name("benchfleet-agent")), "bench", str(MODEL), "--runtime", "fake"]
    series = Path(folder) / "series.zip"
    command += ["--profile", "quick", "--json", "--series", str(series), "--option", 'wait="sleep"', *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    result = json.loads(done.stdout)
    with zipfile.ZipFile(series) as archive:
        walls = array("q", archive.read("model/0/wall_ns.i64"))
    return result, walls.tolist()


def p99(calls: list[int]) -> float:
    """By the rank that we use."""
    return sorted(calls)[math.ceil(len(calls) * 0.99) - 1] * 1e-6


def main() -> None:
    """Measure, print a line an engine and the count that matters."""
    wrong = 0
    target = profile("quick").half_width
    with tempfile.TemporaryDirectory(prefix="benchfleet-stop-") as folder:
        for name, told in ENGINES.items():
            result, calls = bench(told, folder)
            metrics, flags = result["metrics"], {reason["flag"] for reason in result["reasons"]}
            early = [m for m, least in FLOORS.items() if metrics[m]["value"] is not None and metrics[m]["n"] < least]
            median = metrics["latency_ms_p50"]
            half = (median["ci95"][1] - median["ci95"][0]) / 2 / median["value"] if median["ci95"] else math.inf
            silent = half > target and "ci_target_not_met" not in flags
            wrong += len(early) + silent
            fixed = p99(calls[:FIXED]) / p99(calls)
            told_p99 = metrics["latency_ms_p99"]["value"]
            print(
                f"honest_stop: {name}: {len(calls)} calls, median ±{half:.1%}"
                f"{' (ci_target_not_met)' if 'ci_target_not_met' in flags else ''}, "
                f"p99 {'null' if told_p99 is None else f'{told_p99:.2f} ms'}; "
                f"the p99 of the first {FIXED} calls would be {fixed:.2f} of that of all"
            )
    print(f"honest_stop: {wrong} numbers printed that were not measured enough (goal: 0)")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
