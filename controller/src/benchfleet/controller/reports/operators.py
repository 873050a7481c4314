"""Where the time of a call goes: the longest operators of each run that was profiled, and what they ran on."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from benchfleet.controller.reports import Subject
from benchfleet.controller.reports._page import render as template

TITLE = "Time by operator"
ORDER = 57

SHOWN = 12


def render(subject: Subject) -> Markup:
    """One table a profiled run; otherwise what to ask for to get it."""
    found: list[tuple[str, dict[str, Any]]] = []
    for row in subject.comparison.rows:
        profile = row.run.result.provenance.get("operators") if row.run.result else None
        if isinstance(profile, dict):
            found.append((row.label, profile))
    return template("operators.html", found=found, shown=SHOWN)
