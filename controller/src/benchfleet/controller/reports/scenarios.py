"""What each scenario asks, and its answer: a table a scenario with the metrics its file names, never two in one.

Below it, for load without a pause, the curve of window medians over time: what a device does when it has become hot.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup
from matplotlib.figure import Figure

from benchfleet.controller.comparison.compare import Row
from benchfleet.controller.comparison.labels import device_titles
from benchfleet.controller.reports import Subject
from benchfleet.controller.reports import _draw as d
from benchfleet.controller.reports._page import render as template
from benchfleet.core import scenario
from benchfleet.core.metric import catalogue

TITLE = "Scenarios"
ORDER = 43
CURVES_MAX = 8
"""In one picture: more lines tell nothing, even with dashes."""

Curve = tuple[str, list[float], list[float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One scenario: what a latency is in it, its metrics, the runs that have a result."""

    name: str
    sample: str
    columns: tuple[tuple[str, str], ...]
    rows: tuple[Row, ...]


def render(subject: Subject) -> Markup:
    """A table a scenario, and a picture a device that was kept busy."""
    measured = [row for row in subject.comparison.rows if row.run.result is not None]
    names = dict.fromkeys(row.run.scenario for row in measured)
    tables = [_table(name, [row for row in measured if row.run.scenario == name]) for name in names]
    pictures = []
    for index, (device, title) in enumerate(device_titles(row.run for row in measured).items()):
        curves = [c for row in measured if row.run.device == device and (c := _curve(row)) is not None][:CURVES_MAX]
        if curves:
            alt = f"Median latency over time of {len(curves)} cells on {title} under load without a pause"
            pictures.append(
                (title, d.figure(f"sustained-{index}", 3.4, _drawer(curves), alt, simulated=title != device))
            )
    return template("scenarios.html", tables=tables, pictures=pictures)


def _table(name: str, rows: Sequence[Row]) -> Table:
    """A scenario that this controller does not know (a third party's, a newer agent's) has the latency alone."""
    try:
        sample = str(scenario.module(name).SAMPLE)
    except scenario.ParameterError:
        sample = "not known to this controller"
    metrics = catalogue()
    columns = tuple((each, f"{each}: {metrics[each].help}") for each in scenario.shows(name) if each in metrics)
    return Table(name=name, sample=sample, columns=columns, rows=tuple(rows))


def _curve(row: Row) -> Curve | None:
    """Seconds and milliseconds of the windows; provenance comes from agents, so it is looked at before it is drawn."""
    provenance = row.run.result.provenance if row.run.result else {}
    starts, held = provenance.get("round_starts_s"), provenance.get("rounds")
    rounds = held.get("model") if isinstance(held, dict) else None
    if not isinstance(starts, list) or not isinstance(rounds, list) or not len(starts) == len(rounds) > 1:
        return None
    medians = [each[2] if isinstance(each, list | tuple) and len(each) > 2 else None for each in rounds]
    numbers = [*starts, *medians]
    if not all(isinstance(x, int | float) and math.isfinite(x) and x >= 0 for x in numbers):
        return None
    return row.cell_label, [float(x) for x in starts], [float(x) * 1e-6 for x in medians if x is not None]


def _drawer(curves: Sequence[Curve]) -> object:
    def draw(figure: Figure) -> None:
        height = figure.get_figheight()
        axes = figure.add_axes((d.LEFT, 0.6 / height, d.AXES_WIDTH, 1 - 0.75 / height))
        colours = [d.COLOURS[i % len(d.COLOURS)] for i in range(len(curves))]
        for i, (_, xs, ys) in enumerate(curves):
            axes.plot(xs, ys, color=colours[i], lw=1.2, ls=d.DASHES[i // len(d.COLOURS)])
        axes.set_ylim(bottom=0)
        axes.margins(x=0.02)
        axes.grid(which="major")
        axes.set_xlabel("seconds of load")
        d.y_title(axes, "median latency of a window, ms")
        d.label_column(axes, [(xs[-1], ys[-1]) for _, xs, ys in curves], [name for name, _, _ in curves], colours)

    return draw
