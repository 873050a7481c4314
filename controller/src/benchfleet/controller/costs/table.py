"""Costs on a terminal and as rows of a report: a number with its interval, or why there is none."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.text import Text

from benchfleet.controller.comparison import numbers
from benchfleet.controller.comparison.compare import Comparison, Row
from benchfleet.controller.costs.apply import COSTS, currency_of
from benchfleet.controller.screen import arranged
from benchfleet.core.errors import one_line

COLUMNS = ("hardware", "electricity", "cloud")


def priced_rows(comparison: Comparison) -> list[Row]:
    """The rows that have costs, or reasons for having none."""
    return [row for row in comparison.rows if currency_of(row.run.result) is not None]


def why_not(row: Row) -> list[str]:
    """Why costs of a row are missing, each reason once."""
    values = (row.metric(name) for name in COSTS)
    return list(dict.fromkeys(v.reason for v in values if v is not None and v.value is None and v.reason))


def costs_json(comparison: Comparison) -> dict[str, Any]:
    """The same as plain data, for `compare --json`; empty without prices."""
    rows = priced_rows(comparison)
    if not rows or rows[0].run.result is None:
        return {}
    costs = {
        row.run.run_id: {
            name: {"value": v.value, "ci95": v.ci95, "method": v.method, "scope": v.scope, "reason": v.reason}
            for name in COSTS
            if (v := row.metric(name)) is not None
        }
        for row in rows
    }
    return {"prices": rows[0].run.result.provenance["prices"], "costs": costs}


def render_costs(comparison: Comparison, console: Console) -> None:
    """A table of all rows, and the reasons below it."""
    rows = priced_rows(comparison)
    if not rows:
        return
    currency = currency_of(rows[0].run.result)
    title = Text(one_line(f"cost of a million samples, {currency}"))
    cells = []
    for row in rows:
        values = [numbers.with_half_width(row.metric(name)) if row.ranked else numbers.ABSENT for name in COSTS]
        cells.append([Text(one_line(row.label)), *map(Text, values)])
    console.print(arranged(("cell", *COLUMNS), cells, console.width, right=COLUMNS, title=title))
    for reason in dict.fromkeys(why for row in rows for why in why_not(row)):
        console.print(Text(one_line(f"no cost: {reason}", limit=400), style="dim"))
