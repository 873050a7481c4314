"""The latency distribution of every cell, from the 101 quantiles that travel with a result.

A bar from p5 to p95, a broad one from p25 to p75, a tick at the median and a dot at p99: where a mean would lie.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from markupsafe import Markup
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from benchfleet.controller.comparison.compare import Row
from benchfleet.controller.comparison.labels import device_titles
from benchfleet.controller.reports import Subject
from benchfleet.controller.reports import _draw as d
from benchfleet.controller.reports._page import render as template

TITLE = "Latency"
ORDER = 40

QUANTILES = 101
LOG_FROM_RATIO = 12.0


def render(subject: Subject) -> Markup:
    """One picture a device; cells without a distribution are named below it."""
    pictures, without = [], []
    rows = subject.comparison.rows
    for index, (device, title) in enumerate(device_titles(row.run for row in rows).items()):
        here = [row for row in rows if row.run.device == device]
        drawn = [(row, q) for row in here if (q := _quantiles(row)) is not None]
        without += [(row.label, _why_not(row)) for row in here if _quantiles(row) is None]
        if drawn:
            drawn.sort(key=lambda pair: pair[1][50])
            alt = f"Latency distribution of {len(drawn)} cells on {title}"
            pictures.append(
                (
                    title,
                    d.figure(f"latency-{index}", _height(len(drawn)), _drawer(drawn), alt, simulated=title != device),
                )
            )
    return template("latency.html", pictures=pictures, without=without)


def _height(count: int) -> float:
    return 0.95 + d.ROW_IN * count


def _quantiles(row: Row) -> list[float] | None:
    if row.run.result is None or row.run.result.outcome != "ok":
        return None
    found = row.run.result.provenance.get("latency_ms_quantiles")
    if not isinstance(found, (list, tuple)) or len(found) != QUANTILES:
        return None
    good = all(isinstance(x, (int, float)) and math.isfinite(x) and x > 0 for x in found)
    return [float(x) for x in found] if good else None


def _why_not(row: Row) -> str:
    if row.run.result is None or row.run.result.outcome != "ok":
        return f"{row.status}{': ' if row.why else ''}{row.why}"
    return "the result carries no distribution"


def _drawer(drawn: Sequence[tuple[Row, list[float]]]) -> object:
    def draw(figure: Figure) -> None:
        height = figure.get_figheight()
        axes = figure.add_axes((0.34, 0.62 / height, 0.63, 1 - 0.8 / height))
        for y, (row, q) in enumerate(drawn):
            colour = d.COLOURS[0] if row.ranked else d.COLOURS[-1]
            if row.is_baseline:
                colour = d.AMBER
            axes.plot([q[5], q[95]], [y, y], color=colour, lw=3, alpha=0.45, solid_capstyle="butt")
            axes.plot([q[25], q[75]], [y, y], color=colour, lw=9, alpha=0.75, solid_capstyle="butt")
            axes.plot([q[50]], [y], marker="|", ms=12, mew=2, color=d.INK)
            axes.plot([q[99]], [y], marker="o", ms=4.5, mfc=d.PAPER, mec=colour, mew=1.4)
        axes.set_yticks(range(len(drawn)), [d.short(_name(row), 40) for row, _ in drawn])
        axes.tick_params(axis="y", length=0)
        axes.set_ylim(len(drawn) - 0.4, -0.6)
        low, high = min(q[5] for _, q in drawn), max(q[99] for _, q in drawn)
        if high / low > LOG_FROM_RATIO:
            d.log_axis(axes.xaxis)
        else:
            axes.set_xlim(left=0)
            axes.xaxis.set_major_locator(MaxNLocator(7))
            axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.grid(axis="x")
        axes.set_xlabel("latency of one call, ms")

    return draw


def _name(row: Row) -> str:
    return row.cell_label if row.ranked else f"{row.cell_label} ({row.status})"
