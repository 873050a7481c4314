"""What was freed goes back to the system, not into a store for later."""

from __future__ import annotations

import subprocess
import sys

CODE = """
from pathlib import Path
from benchfleet.agent import memory

def own_kib():
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_"))

held = [bytes(1000) for _ in range(20_000)]
last = bytes(1000)  # stands above the freed, so that the heap does not shrink by itself
full_kib = own_kib()
del held
freed_kib = own_kib()
memory.trim()
print(full_kib, freed_kib, own_kib())
"""


def test_pages_of_freed_objects_are_given_back() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    full_kib, freed_kib, trimmed_kib = map(int, done.stdout.split())
    assert full_kib - trimmed_kib > 15_000
    assert freed_kib - trimmed_kib > 10_000  # what freeing alone does not do
