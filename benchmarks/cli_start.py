"""What lazy imports save at each command: `benchfleet --help`, against the same with grpc imported first.

The two alternate, so that a busy machine slows both. Prints the medians and their ratio.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

LAUNCHES = 15
LAZY = "import sys; sys.argv = ['benchfleet', '--help']\nfrom benchfleet.controller.cli.main import main\nmain()"
EAGER = "import grpc.aio, benchfleet.v1.fleet_pb2_grpc, benchfleet.v1.campaign_pb2_grpc\n" + LAZY


def launch_ms(code: str) -> float:
    """Wall time of a whole process."""
    start_ns = time.perf_counter_ns()
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)
    return (time.perf_counter_ns() - start_ns) / 1e6


def main() -> None:
    """Measure and print one line."""
    for code in (LAZY, EAGER):
        launch_ms(code)  # page cache and byte code
    pairs = [(launch_ms(LAZY), launch_ms(EAGER)) for _ in range(LAUNCHES)]
    lazy_ms, eager_ms = (statistics.median(column) for column in zip(*pairs, strict=True))
    ratio = statistics.median(eager / lazy for lazy, eager in pairs)
    print(f"cli_start: lazy {lazy_ms:.0f} ms, eager grpc {eager_ms:.0f} ms, eager/lazy {ratio:.2f} (n={LAUNCHES})")


if __name__ == "__main__":
    main()
