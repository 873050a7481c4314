"""What the policy says of each cell: a matrix of cells and constraints, then the reasons of all that did not pass."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from benchfleet.controller.policies.evaluate import Decision
from benchfleet.controller.reports import Subject
from benchfleet.controller.reports._page import render as template

TITLE = "Gate"
ORDER = 20


def render(subject: Subject) -> Markup | None:
    """Nothing without a policy."""
    if subject.decision is None:
        return None
    scored = any(cell.score is not None for cell in subject.decision.cells)
    return template("gate.html", decision=subject.decision, scored=scored, notes=_notes(subject.decision))


def _notes(decision: Decision) -> list[dict[str, Any]]:
    """One note for each reason, naming all constraints and cells that share it; hard fails first."""
    notes: dict[tuple[str, str | None, bool], dict[str, Any]] = {}
    for cell in decision.cells:
        for check in cell.checks:
            verdict, soft = check.verdict, not check.hard
            if verdict.outcome == "pass":
                continue
            found = {"why": verdict.why, "observed": verdict.observed, "outcome": verdict.outcome, "soft": soft}
            note = notes.setdefault((verdict.why, verdict.observed, soft), {**found, "names": {}, "cells": {}})
            note["names"][check.constraint.name] = note["cells"][cell.label] = None
    return sorted(notes.values(), key=lambda note: (note["soft"], note["outcome"] != "fail"))
