"""Every run as a row; those that may not be ranked are greyed, never hidden."""

from __future__ import annotations

from markupsafe import Markup

from benchfleet.controller.comparison.conditions import power_mode_of
from benchfleet.controller.comparison.labels import device_titles
from benchfleet.controller.reports import Subject
from benchfleet.controller.reports._page import render as template

TITLE = "Comparison"
ORDER = 30


def render(subject: Subject) -> Markup:
    """One table a device."""
    rows = subject.comparison.rows
    titles = device_titles(row.run for row in rows)
    devices = {title: [r for r in rows if r.run.device == name] for name, title in titles.items()}
    modes = power_mode_of if any(row.run.power_mode for row in rows) else None
    return template("comparison.html", devices=devices, comparison=subject.comparison, modes=modes)
