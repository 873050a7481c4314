"""Rank in the first minute and rank at the end: the fastest device in a demo is not the fastest in a closed box."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from benchfleet.controller.comparison.compare import Row
from benchfleet.controller.comparison.ranking import Ranking, rankings
from benchfleet.controller.reports import Subject
from benchfleet.controller.reports._page import render as template

TITLE = "Burst and sustained rank"
ORDER = 44
BURST, SUSTAINED, RATIO = "burst_ms_p50", "sustained_ms_p50", "sustained_over_burst_ratio"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One run with both ranks among its like."""

    row: Row
    burst: int
    sustained: int


def render(subject: Subject) -> Markup | None:
    """Nothing where no run was load without a pause."""
    at_end = rankings(subject.comparison.rows, SUSTAINED, "lower")
    at_start = {p.row.run.run_id: p.rank for r in rankings(subject.comparison.rows, BURST, "lower") for p in r.places}
    if not at_end:
        return None
    return template(
        "endurance.html",
        groups=[(ranking.title, _lines(ranking, at_start)) for ranking in at_end],
        names={"burst": BURST, "sustained": SUSTAINED, "ratio": RATIO},
    )


def _lines(ranking: Ranking, at_start: dict[str, int]) -> list[Line]:
    return [
        Line(row=place.row, burst=at_start.get(place.row.run.run_id, place.rank), sustained=place.rank)
        for place in ranking.places
    ]
