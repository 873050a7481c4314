"""Rankings on a terminal and as plain data. Names come from users: every cell is cleaned text, never markup."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.text import Text

from benchfleet.controller.comparison import numbers
from benchfleet.controller.comparison.compare import Comparison
from benchfleet.controller.comparison.pareto import Better
from benchfleet.controller.comparison.ranking import Ranking, rankings, warnings
from benchfleet.controller.screen import arranged
from benchfleet.core.errors import one_line


def render_rankings(comparison: Comparison, metric: str, better: Better, console: Console) -> None:
    """A table for each list, and a warning where two may be taken for one."""
    found = rankings(comparison.rows, metric, better)
    if not found:
        console.print(Text(f"no run that may be ranked has {metric}", style="yellow"))
    for ranking in found:
        title = Text(one_line(f"{metric}, {better} is better: {ranking.title}", limit=200))
        cells = [
            [
                Text(f"{place.rank}{'≈' if place.tied else ''}"),
                Text(one_line(place.row.label)),
                Text(place.row.status),
                Text(numbers.with_half_width(place.value)),
            ]
            for place in ranking.places
        ]
        columns = ("rank", "cell", "verdict", metric)
        console.print(arranged(columns, cells, console.width, right=("rank", metric), title=title))
    for warning in warnings(found, metric):
        console.print(Text(one_line(warning, limit=400), style="yellow"))


def rankings_json(comparison: Comparison, metric: str, better: Better) -> dict[str, Any]:
    """Every list with its places."""
    found = rankings(comparison.rows, metric, better)
    return {"metric": metric, "lists": [_list(ranking) for ranking in found], "warnings": warnings(found, metric)}


def _list(ranking: Ranking) -> dict[str, Any]:
    return {
        **dict(ranking.conditions),
        "scope": ranking.scope or None,
        "source": ranking.source or None,
        "places": [
            {"rank": p.rank, "run": p.row.run.run_id, "value": p.value.value, "ci95": p.value.ci95, "tied": p.tied}
            for p in ranking.places
        ],
    }
