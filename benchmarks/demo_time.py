"""Wall time of the demo, cold (byte code of our packages removed) and warm."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]


def demo_s(*, cold: bool) -> float:
    """One whole demo; CalledProcessError when it fails."""
    if cold:
        for cached in ROOT.glob("*/src/**/__pycache__/*.pyc"):
            cached.unlink(missing_ok=True)
    program = Path(sys.executable).with_name("benchfleet")
    with tempfile.TemporaryDirectory() as output:
        start_s = time.perf_counter()
        subprocess.run([program, "demo", "--output", output], check=True, capture_output=True)
        return time.perf_counter() - start_s


def main() -> None:
    """Measure and print one line."""
    cold_s, warm_s = demo_s(cold=True), demo_s(cold=False)
    print(f"demo_time: cold {cold_s:.0f} s, warm {warm_s:.0f} s, cold/warm {cold_s / warm_s:.2f} (n=1 each)")


if __name__ == "__main__":
    main()
