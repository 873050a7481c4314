"""Does a model get the same number again? Independent campaigns of one model, quiet and beside busy loops, interleaved.

    python benchmarks/reproducibility.py --campaigns 10

A campaign is one `benchfleet-agent bench` of profile standard: three launches. Prints the coefficient of variation of
the headline (median over launches of launch medians), of p50 and of p50 without waiting for a CPU; how far the latter
lies from the quiet one; and how many campaigns carried a flag of the host. Goals: 2.5 % quiet on a shared machine;
under load always flagged, and 5 % in variation and bias without waiting.
"""

from __future__ import annotations

import argparse
import tempfile
from importlib import resources
from pathlib import Path
from statistics import fmean, median, stdev

from stress_matrix import BUSY, Cell, bench, loaded


def variation(values: list[float | None]) -> str:
    """Coefficient of variation in percent."""
    known = [v for v in values if v is not None]
    return f"{stdev(known) / fmean(known):.1%}" if len(known) > 1 else "-"


def main() -> None:
    """Measure and print a line a condition."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", type=Path, help="an ONNX model; by default digits-fp32")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--profile", default="standard")
    parser.add_argument("--campaigns", type=int, default=10)
    parser.add_argument("--loops", type=int, default=2, help="busy loops of the loaded condition")
    options = parser.parse_args()
    model = options.model or Path(str(resources.files("benchfleet.controller"))) / "demo" / "data" / "digits-fp32.onnx"
    arguments = [str(model), "--batch", str(options.batch), "--profile", options.profile]
    found: dict[str, list[Cell]] = {"quiet": [], "loaded": []}
    with tempfile.TemporaryDirectory(prefix="benchfleet-again-") as folder:
        for _ in range(options.campaigns):
            found["quiet"].append(bench("quiet", arguments))
            with loaded([BUSY] * options.loops, folder):
                found["loaded"].append(bench("loaded", arguments))
    truth = median(c.free_ms or c.p50_ms for c in found["quiet"])
    for condition, cells in found.items():
        bias = median((c.free_ms or c.p50_ms) / truth - 1 for c in cells)
        headline, p50 = variation([c.headline_ms for c in cells]), variation([c.p50_ms for c in cells])
        free, flagged = variation([c.free_ms for c in cells]), sum(bool(c.of_the_host) for c in cells)
        print(
            f"reproducibility: {condition}, {len(cells)} campaigns: CV of the headline {headline}, of p50 {p50}, "
            f"without waiting {free} (bias {bias:+.1%}); flagged {flagged}"
        )


if __name__ == "__main__":
    main()
