"""Runs that did not measure: how they ended, and the last words of the process."""

from __future__ import annotations

from markupsafe import Markup

from benchfleet.controller.reports import Subject
from benchfleet.controller.reports._page import render as template

TITLE = "Failures"
ORDER = 70

ENDED_WITHOUT = ("failed", "cancelled", "unschedulable")
STDERR_CHARACTERS = 4000


def render(subject: Subject) -> Markup | None:
    """Nothing when every run measured."""
    rows = [row for row in subject.comparison.rows if row.status in ENDED_WITHOUT]
    if not rows and not subject.comparison.campaign.pruned:
        return None
    tails = {
        row.run.run_id: row.run.result.failure.stderr_tail[-STDERR_CHARACTERS:]
        for row in rows
        if row.run.result is not None and row.run.result.failure is not None
    }
    return template("failures.html", rows=rows, tails=tails, pruned=subject.comparison.campaign.pruned)
