"""Is there a wrong median without a flag? One model measured quiet and under load, conditions interleaved in one run.

    python benchmarks/stress_matrix.py --repeats 2 --batch 64 --profile standard

Conditions: quiet; 1, 2 and 4 busy loops; a memory hog that copies through half a gigabyte; a disk that is written,
synced and read; the fake engine whose clock drops by a third after some seconds, against the same engine at full
speed. Each line: p50 and the p50 without waiting for a CPU, both against quiet, the verdict, the flags that speak of
the host. Quiet is the median over its repeats of the p50 without waiting: the host of a benchmark is seldom quiet.

Ends with 1 when a p50 that no such flag warns of is off by more than 5 %. Flags of the model and the profile (a short
call, one launch, a fake) do not count: they would be there on any host.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from statistics import median
from typing import Any

ERROR_MAX = 0.05
NOT_OF_THE_HOST = {"simulated", "single_launch", "overhead_significant", "too_few_samples"}
BUSY = "while True: pass"
HOG = """
import array
block = bytearray(256 * 2**20)
while True:
    other = bytes(memoryview(block))
    block[:] = other
"""
DISK = """
import os, sys
data = os.urandom(16 * 2**20)
while True:
    with open(sys.argv[1], "wb") as file:
        for _ in range(4):
            file.write(data)
        file.flush()
        os.fsync(file.fileno())
    with open(sys.argv[1], "rb") as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        while file.read(2**20):
            pass
"""
LOADS: dict[str, list[str]] = {
    "quiet": [],
    "busy 1": [BUSY],
    "busy 2": [BUSY] * 2,
    "busy 4": [BUSY] * 4,
    "memory hog": [HOG],
    "disk": [DISK],
}
FAKES = {"fake quiet": {}, "fake throttled": {"trace": "step", "slow": 1.5, "every_s": 4.0}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One measurement under one condition; `free_ms` is None where the engine does not allow the correction."""

    condition: str
    p50_ms: float
    headline_ms: float
    free_ms: float | None
    flags: tuple[str, ...]
    verdict: str

    @property
    def of_the_host(self) -> list[str]:
        """The flags that warn of a host, not of a model or a profile."""
        return [flag for flag in self.flags if flag not in NOT_OF_THE_HOST]


@contextlib.contextmanager
def loaded(programs: list[str], folder: str) -> Iterator[None]:
    """The load of a condition, gone afterwards whatever happens."""
    running = [
        subprocess.Popen([sys.executable, "-c", program, f"{folder}/load-{i}"]) for i, program in enumerate(programs)
    ]
    try:
        yield
    finally:
        for process in running:
            process.kill()
            process.wait()


def bench(condition: str, arguments: list[str]) -> Cell:
    """One `benchfleet-agent bench`, as a user would run it."""
    command = [str(Path(sys.executable).with_name("benchfleet-agent")), "bench", *arguments, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    result: dict[str, Any] = json.loads(done.stdout)
    if result["outcome"] != "ok":
        raise SystemExit(f"stress_matrix: {condition}: {result['failure']}")
    metrics = result["metrics"]
    return Cell(
        condition=condition,
        p50_ms=metrics["latency_ms_p50"]["value"],
        headline_ms=metrics["launches_ms_p50"]["value"],
        free_ms=metrics["contention_free_ms_p50"]["value"],
        flags=tuple(dict.fromkeys(reason["flag"] for reason in result["reasons"])),
        verdict=result["verdict"],
    )


def measure(options: argparse.Namespace) -> list[Cell]:
    """All conditions in random order, as often as asked."""
    model = options.model or Path(str(resources.files("benchfleet.controller"))) / "demo" / "data" / "digits-fp32.onnx"
    real = [str(model), "--batch", str(options.batch), "--threads", str(options.threads), "--profile", options.profile]
    order, cells = random.Random(options.seed), []
    with tempfile.TemporaryDirectory(prefix="benchfleet-stress-") as folder:
        for _ in range(options.repeats):
            for condition in order.sample([*LOADS, *FAKES], len(LOADS) + len(FAKES)):
                told = FAKES.get(condition, {})
                arguments = (
                    [str(model), "--profile", options.profile, "--runtime", "fake"] if "fake" in condition else real
                )
                given = [part for k, v in told.items() for part in ("--option", f"{k}={json.dumps(v)}")]
                with loaded(LOADS.get(condition, []), folder):
                    cells.append(bench(condition, [*arguments, *given]))
                said = f"{cells[-1].p50_ms:.4f} ms, {', '.join(cells[-1].of_the_host) or 'no flag of the host'}"
                print(f"stress_matrix: {condition}: {said}", file=sys.stderr, flush=True)
    return cells


def truth_ms(cells: list[Cell], fake: bool) -> float:
    """The median over quiet repeats, without waiting where that is known."""
    quiet = [c for c in cells if c.condition == ("fake quiet" if fake else "quiet")]
    return median(c.p50_ms if c.free_ms is None else c.free_ms for c in quiet)


def main() -> None:
    """Measure, print the table and the count that matters."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--model", type=Path, help="an ONNX model; by default digits-fp32")
    parser.add_argument("--batch", type=int, default=64, help="long enough for the wait to be read after each call")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--profile", default="standard")
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    cells = measure(parser.parse_args())
    wrong, counted = [], []
    print(f"{'condition':15} {'p50 ms':>8} {'free ms':>8} {'p50':>7} {'free':>7}  verdict   flags of the host")
    for cell in sorted(cells, key=lambda c: [*LOADS, *FAKES].index(c.condition)):
        truth = truth_ms(cells, "fake" in cell.condition)
        error, free = cell.p50_ms / truth - 1, None if cell.free_ms is None else cell.free_ms / truth - 1
        counted.append(cell)
        if abs(error) > ERROR_MAX and not cell.of_the_host:
            wrong.append(cell)
        print(
            f"{cell.condition:15} {cell.p50_ms:8.4f} {'-' if cell.free_ms is None else f'{cell.free_ms:.4f}':>8} "
            f"{error:+7.1%} {'-' if free is None else f'{free:+.1%}':>7}  {cell.verdict:9} "
            f"{', '.join(cell.of_the_host) or 'none'}"
        )
    quiet = [c for c in cells if c.condition == "quiet"]
    alarms = sum(bool(c.of_the_host) for c in quiet)
    print(
        f"stress_matrix: {len(wrong)} of {len(counted)} medians off by more than {ERROR_MAX:.0%} without a flag; "
        f"flagged though quiet: {alarms} of {len(quiet)}"
    )
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
