"""What a million samples cost, when prices were given."""

from __future__ import annotations

from markupsafe import Markup

from benchfleet.controller.costs.apply import COSTS
from benchfleet.controller.costs.table import COLUMNS, priced_rows, why_not
from benchfleet.controller.reports import Subject
from benchfleet.controller.reports._page import render as template

TITLE = "Cost of a million samples"
ORDER = 58


def render(subject: Subject) -> Markup | None:
    """Nothing without prices."""
    rows = priced_rows(subject.comparison)
    if not rows:
        return None
    found = [row.run.result.provenance["prices"] for row in rows if row.run.result is not None]
    return template(
        "cost.html",
        prices=found[0],
        columns=COLUMNS,
        costs=COSTS,
        rows=rows,
        sources=list(dict.fromkeys(source for prices in found for source in prices.get("sources", []))),
        reasons=list(dict.fromkeys(why for row in rows for why in why_not(row))),
    )
