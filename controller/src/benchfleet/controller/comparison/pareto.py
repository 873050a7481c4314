"""Which runs no other run beats in two metrics at once.

Invalid results are no points. Runs compete across devices and models, which is what one chooses between, and never
across what makes numbers unlike: scenario, shapes, simulated or not, and the scope and source of a value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from benchfleet.controller.catalog import RunRecord
from benchfleet.controller.comparison.conditions import BY_NAME, scope_of
from benchfleet.controller.comparison.ratio import is_ranked

COMPETE_WITHIN = ("simulated", "scenario", "shapes")
"""Board, governor and power mode differ between devices and settings, which is what a front is asked about."""

Better = Literal["lower", "higher"]


def fronts(runs: Sequence[RunRecord], x: str, y: str, x_better: Better, y_better: Better) -> frozenset[str]:
    """The run ids on the front of their like."""
    groups: dict[tuple[object, ...], list[RunRecord]] = {}
    for run in runs:
        among = tuple(BY_NAME[name].of(run) for name in COMPETE_WITHIN)
        groups.setdefault((*among, scope_of(run, x), scope_of(run, y)), []).append(run)
    return frozenset().union(*(front(points(group, x, y), x_better, y_better) for group in groups.values()))


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
