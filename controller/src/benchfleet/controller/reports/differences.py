"""Every ratio of latency to the baseline with its interval: a forest plot, with the band in which nothing is said.

Filled marks were measured in rounds side by side, hollow ones apart. Blue is faster, orange slower, grey no detectable
difference: an interval that touches 1, or an effect inside the band of 2 %.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from benchfleet.controller.comparison import numbers
from benchfleet.controller.comparison.compare import Row
from benchfleet.controller.comparison.labels import device_titles
from benchfleet.controller.comparison.ratio import DETECTABLE_EFFECT
from benchfleet.controller.reports import Subject
from benchfleet.controller.reports import _draw as d
from benchfleet.controller.reports._page import render as template

TITLE = "Differences"
ORDER = 35

COLOURS = {"lower": d.COLOURS[0], "higher": d.COLOURS[1]}
WORDS = {"lower": "faster", "higher": "slower", "no detectable difference": "no difference"}
TICKS = (0.05, 0.1, 0.2, 0.33, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0, 1.05, 1.1, 1.25, 1.5, 2.0, 3.0, 5.0, 10.0, 20.0)
TICKS_FEWEST, TICKS_MOST = 3, 8


def render(subject: Subject) -> Markup | None:
    """One picture a device, and the runs without a ratio by reason; nothing when no baseline was asked for."""
    comparison = subject.comparison
    if comparison.baseline is None:
        return None
    pictures: list[tuple[str, Markup]] = []
    without: dict[str, list[str]] = {}
    for index, (device, title) in enumerate(device_titles(row.run for row in comparison.rows).items()):
        here = [row for row in comparison.rows if row.run.device == device and not row.is_baseline]
        drawn = [row for row in here if row.latency.value is not None]
        for row in here:
            if row.latency.value is None:
                without.setdefault(row.latency.reason or "no ratio", []).append(row.label)
        if drawn:
            alt = f"Latency of {len(drawn)} cells on {title} over that of {comparison.baseline}"
            height = 1.15 + d.ROW_IN * len(drawn)
            pictures.append(
                (title, d.figure(f"differences-{index}", height, _drawer(drawn), alt, simulated=title != device))
            )
    return template("differences.html", pictures=pictures, without=without, band=f"{100 * DETECTABLE_EFFECT:g} %")


def _drawer(rows: Sequence[Row]) -> object:
    def draw(figure: Figure) -> None:
        height = figure.get_figheight()
        axes = figure.add_axes((0.3, 0.62 / height, 0.43, 1 - 0.8 / height))
        axes.set_xscale("log")
        axes.axvspan(1 - DETECTABLE_EFFECT, 1 + DETECTABLE_EFFECT, color=d.GRID, alpha=0.55, lw=0)
        axes.axvline(1.0, color=d.INK, lw=0.9)
        for y, row in enumerate(rows):
            _mark(axes, y, row)
            axes.annotate(
                _said(row), xy=(1.03, y), xycoords=("axes fraction", "data"), va="center", fontsize=9.5,
                annotation_clip=False,
            )  # fmt: skip
        axes.set_yticks(range(len(rows)), [d.short(row.cell_label, 36) for row in rows])
        axes.tick_params(axis="y", length=0)
        axes.set_ylim(len(rows) - 0.4, -0.6)
        low, high = _limits(rows)
        axes.set_xlim(low, high)
        axes.xaxis.set_major_locator(FixedLocator(_ticks(low, high)))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}×"))
        axes.grid(axis="x")
        axes.set_xlabel("latency over that of the baseline (log);  faster ←   → slower")

    return draw


def _mark(axes: Axes, y: int, row: Row) -> None:
    """The interval with caps, so that a narrow one shows beside its mark."""
    ratio = row.latency
    assert ratio.value is not None
    colour = COLOURS.get(ratio.finding or "", d.COLOURS[-1])
    if ratio.ci95 is not None:
        style: Any = "-" if ratio.paired else (0, (3, 2))
        axes.plot(ratio.ci95, [y, y], color=colour, lw=1.8, ls=style, solid_capstyle="butt")
        axes.plot(ratio.ci95, [y, y], "|", color=colour, ms=11, mew=1.6)
    face = colour if ratio.paired else d.PAPER
    axes.plot([ratio.value], [y], marker="s" if ratio.paired else "o", ms=4.5, mfc=face, mec=colour, mew=1.4)


def _said(row: Row) -> str:
    ratio = row.latency
    assert ratio.value is not None
    text = f"{ratio.value:.3f}"
    if ratio.ci95 is not None:
        text += f" [{ratio.ci95[0]:.3f}, {ratio.ci95[1]:.3f}]"
    if ratio.forced:
        return f"{text} unlike {', '.join(ratio.forced)}"
    return f"{text} {WORDS.get(ratio.finding or '', numbers.ABSENT)}"


def _limits(rows: Sequence[Row]) -> tuple[float, float]:
    """All intervals, 1 and a bit of air; never so narrow that the band fills the picture."""
    ends = [end for row in rows for end in (row.latency.ci95 or (row.latency.value, row.latency.value)) if end]
    low, high = min(*ends, 0.93), max(*ends, 1.07)
    air = (high / low) ** 0.05
    return low / air, high * air


def _ticks(low: float, high: float) -> list[float]:
    """Those of the plain ratios inside, thinned from the crowded ends so that none overlap."""
    inside = [tick for tick in TICKS if low <= tick <= high]
    if len(inside) < TICKS_FEWEST:
        return [low, 1.0, high]
    least = (high / low) ** (1 / TICKS_MOST)
    kept = [1.0]
    for tick in sorted(inside, key=lambda t: max(t, 1 / t)):
        if all(max(tick / other, other / tick) >= least for other in kept):
            kept.append(tick)
    return sorted(kept)
