"""Power and energy, a table for each scope, best first: module and board are never one list."""

from __future__ import annotations

from markupsafe import Markup

from benchfleet.controller.comparison.ranking import rankings, warnings
from benchfleet.controller.reports import Subject
from benchfleet.controller.reports._page import render as template

TITLE = "Power and energy"
ORDER = 56
METRIC = "energy_mj_per_inference"
COLUMNS = (
    (METRIC, "mJ / inference, gross"),
    ("net_energy_mj_per_inference", "net"),
    ("inferences_per_joule", "inferences / J"),
    ("power_w_mean", "mean W"),
    ("power_w_peak", "peak W"),
    ("idle_power_w", "idle W before"),
    ("idle_after_power_w", "after"),
    ("temperature_c_start", "°C start"),
    ("temperature_c_max", "max"),
)


def render(subject: Subject) -> Markup | None:
    """Nothing where no device has power that stands for it."""
    found = rankings(subject.comparison.rows, METRIC, "lower")
    if not found:
        return None
    return template("energy.html", rankings=found, columns=COLUMNS, warnings=warnings(found, METRIC))
