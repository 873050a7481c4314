"""Under which conditions each device measured, what differs, and the campaign document itself."""

from __future__ import annotations

import json
from typing import Any

from markupsafe import Markup

from benchfleet.controller.comparison.labels import device_titles
from benchfleet.controller.reports import Subject
from benchfleet.controller.reports._page import render as template

TITLE = "Conditions and provenance"
ORDER = 80

VALUE_CHARACTERS = 160
NOT_CONDITIONS = ("latency_ms_quantiles", "rounds", "round_starts_s", "started_utc", "ended_utc", "memory", "operators")


def render(subject: Subject) -> Markup:
    """Facts by device: one value where all runs agree, each value where they do not."""
    facts: dict[str, dict[str, dict[str, None]]] = {}
    for row in subject.comparison.rows:
        if row.run.result is None:
            continue
        seen = facts.setdefault(row.run.device, {})
        for key, value in _flat(row.run.result.provenance):
            seen.setdefault(key, {})[value] = None
    titles = device_titles(row.run for row in subject.comparison.rows)
    shown = {
        titles[device]: [(key, list(values)[:4], len(values)) for key, values in sorted(found.items())]
        for device, found in facts.items()
    }
    return template("provenance.html", facts=shown, campaign=subject.comparison.campaign)


def _flat(provenance: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for key, value in provenance.items():
        if key in NOT_CONDITIONS or value is None or value in ("", [], {}):
            continue
        if isinstance(value, dict) and not prefix:
            found += _flat(value, f"{key}.")
            continue
        if isinstance(value, float):
            value = float(f"{value:.4g}")
        text = value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str)
        found.append((f"{prefix}{key}", text if len(text) <= VALUE_CHARACTERS else text[: VALUE_CHARACTERS - 1] + "…"))
    return found
