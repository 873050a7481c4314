"""A gate's decision as plain data, and as a table for people."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.text import Text

from benchfleet.controller.policies.evaluate import Decision
from benchfleet.controller.screen import arranged
from benchfleet.core.errors import one_line

SCHEMA = 1
STYLES = {"pass": "green", "fail": "bold red", "no_evidence": "yellow"}
WORDS = {"pass": "pass", "fail": "fail", "no_evidence": "no evidence"}


def decision_json(decision: Decision) -> dict[str, Any]:
    """Outcome, exit code and every check."""
    return {
        "schema": SCHEMA,
        "campaign": decision.campaign.id,
        "policy": decision.policy.name,
        "on_no_evidence": decision.policy.on_no_evidence,
        "outcome": decision.outcome,
        "exit_code": decision.exit_code,
        "why": decision.why,
        "cells": [
            {
                "run": cell.run.run_id,
                "device": cell.run.device,
                "cell": cell.run.cell_key,
                "outcome": cell.outcome,
                "soft_score": cell.score,
                "checks": [
                    {
                        "constraint": check.constraint.name,
                        "hard": check.hard,
                        "weight": check.constraint.weight,
                        "outcome": check.verdict.outcome,
                        "observed": check.verdict.observed,
                        "limit": check.verdict.limit,
                        "why": check.verdict.why,
                    }
                    for check in cell.checks
                ],
            }
            for cell in decision.cells
        ],
    }


def render_decision(decision: Decision, console: Console) -> None:
    """One row a cell and constraint, each reason once below, then the outcome in one line."""
    rows: list[list[Text]] = []
    sections: list[int] = []
    reasons: dict[str, dict[str, None]] = {}
    for cell in decision.cells:
        for index, check in enumerate(cell.checks):
            verdict = check.verdict
            rows.append(
                [
                    Text(one_line(cell.label) if index == 0 else ""),
                    Text(check.constraint.name + ("" if check.hard else f" (soft ×{check.constraint.weight:g})")),
                    Text(one_line(verdict.limit)),
                    Text(WORDS[verdict.outcome], style=STYLES[verdict.outcome] if check.hard else ""),
                    Text(one_line(verdict.observed or "–")),
                ]
            )
            if check.hard and verdict.outcome != "pass":
                reasons.setdefault(f"{cell.label}: {verdict.why}", {})[check.constraint.name] = None
        if cell.score is not None:
            rows.append([Text(said) for said in ("", "soft score", "", f"{100 * cell.score:.0f} %", "")])
        sections.append(len(rows) - 1)
    columns = ("cell", "constraint", "limit", "outcome", "observed")
    console.print(arranged(columns, rows, console.width, sections=sections))
    for why, names in reasons.items():
        console.print(Text(one_line(f"{', '.join(names)}: {why}", limit=400), style="dim"))
    style, word = STYLES[decision.outcome], WORDS[decision.outcome]
    console.print(Text(one_line(f"{word}: policy {decision.policy.name}: {decision.why}", limit=300), style=style))
