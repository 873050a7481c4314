"""Which runs no other run beats in two metrics at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from benchfleet.controller.catalog import RunRecord
from benchfleet.controller.comparison.compare import is_ranked

Better = Literal["lower", "higher"]


def points(runs: Sequence[RunRecord], x: str, y: str) -> list[tuple[str, float, float]]:
    """Run id and both values of every ranked run that has both."""
    found = []
    for run in runs:
        if not is_ranked(run) or run.result is None:
            continue
        values = [run.result.metrics.get(name) for name in (x, y)]
        if values[0] and values[1] and values[0].value is not None and values[1].value is not None:
            found.append((run.run_id, values[0].value, values[1].value))
    return found


def front(found: Sequence[tuple[str, float, float]], x_better: Better, y_better: Better) -> set[str]:
    """The run ids that are not dominated: no other is at least as good in both and better in one. O(n log n)."""
    sx, sy = (1.0 if better == "lower" else -1.0 for better in (x_better, y_better))
    ordered = sorted((sx * px, sy * py, rid) for rid, px, py in found)
    kept: set[str] = set()
    best_y = float("inf")
    last: tuple[float, float] | None = None
    for px, py, rid in ordered:
        if py < best_y or (px, py) == last:
            kept.add(rid)
            best_y = py
            last = (px, py)
    return kept
