"""Pictures as inline SVG: deterministic, readable in light and dark, safe for colour-blind readers.

Text stays text, in the page's own font. Ink and grid are drawn in two marker colours that become `currentColor` and a
CSS variable, so that a picture follows the theme. Labels stand in a column of their own, spread so that none overlap.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from typing import Any

from markupsafe import Markup
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.axis import Axis, XAxis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from benchfleet.controller.reports._page import clean

INK, GRID, PAPER = "#010203", "#040506", "#070809"
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C6BB1", "#7F7F7F")
"""Okabe and Ito's palette (https://jfly.uni-koeln.de/color/) without its yellow, which no white page carries."""
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "h")

LEADER = {"arrowstyle": "-", "lw": 0.7, "alpha": 0.65, "shrinkA": 1, "shrinkB": 4, "relpos": (0.0, 0.5)}

WIDTH_IN = 9.6
LABEL_CHARACTERS = 46
ROW_IN = 0.3

STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.size": 10,
    "axes.edgecolor": GRID,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.axisbelow": True,
    "axes.formatter.use_mathtext": False,
    "text.color": INK,
    "xtick.color": GRID,
    "ytick.color": GRID,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
}


def short(label: str, limit: int = LABEL_CHARACTERS) -> str:
    """A label that fits its column: the middle gives way, for names differ at their ends."""
    text = clean(label).replace("\n", " ")
    if len(text) <= limit:
        return text
    head = (limit - 1) // 2
    return f"{text[:head]}…{text[-(limit - 1 - head) :]}"


def figure(name: str, height_in: float, draw: Any, alt: str) -> Markup:
    """Calls `draw(figure)` and returns the SVG; `name` salts its ids, so that several fit in one page."""
    with rc_context({**STYLE, "svg.hashsalt": f"benchfleet-{name}"}):
        canvas = Figure(figsize=(WIDTH_IN, height_in), dpi=72)
        draw(canvas)
        stream = io.StringIO()
        canvas.savefig(stream, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    return Markup(_inline(stream.getvalue(), alt))


def _inline(svg: str, alt: str) -> str:
    body = svg[svg.index("<svg") :]
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    body = re.sub(r' (width|height)="[\d.]+pt"', "", body, count=2)
    for marker, colour in ((INK, "currentColor"), (GRID, "var(--line)"), (PAPER, "var(--paper)")):
        body = body.replace(marker, colour)
    start = Markup('<svg role="img" aria-label="{}"').format(clean(alt))
    return str(start) + body[len("<svg") :]


def log_axis(axis: Axis) -> None:
    """A logarithmic axis that is labelled at 1, 2 and 5 of each decade, in plain numbers."""
    if isinstance(axis, XAxis):
        axis.axes.set_xscale("log")
    else:
        axis.axes.set_yscale("log")
    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_locator(NullLocator())


def label_column(
    axes: Axes, anchors: Sequence[tuple[float, float]], texts: Sequence[str], colours: Sequence[str]
) -> None:
    """Names beside the axes, one line each, joined to their points by thin lines; `anchors` are data coordinates.

    Lines are spread evenly over the height in the order of their points, so labels cannot overlap.
    """
    to_axes = axes.transData + axes.transAxes.inverted()
    placed = sorted(range(len(texts)), key=lambda i: -to_axes.transform(anchors[i])[1])
    wanted = [float(to_axes.transform(anchors[i])[1]) for i in placed]
    gap = min(1.0 / max(1, len(texts)), ROW_IN * 0.75 * 72 / axes.get_window_extent().height)
    heights = spread(wanted, gap)
    for i, height in zip(placed, heights, strict=True):
        axes.annotate(
            short(texts[i], 38),
            xy=anchors[i],
            xytext=(1.03, height),
            textcoords="axes fraction",
            va="center",
            fontsize=9.5,
            annotation_clip=False,
            arrowprops={**LEADER, "color": colours[i]},
        )


def spread(wanted: Sequence[float], gap: float) -> list[float]:
    """Heights in descending order, near the wanted ones, at least `gap` apart, within [0, 1] when they fit."""
    heights = list(wanted)
    for i in range(1, len(heights)):
        heights[i] = min(heights[i], heights[i - 1] - gap)
    if heights and heights[-1] < 0:
        heights[-1] = 0.0
        for i in range(len(heights) - 2, -1, -1):
            heights[i] = max(heights[i], heights[i + 1] + gap)
    return heights
