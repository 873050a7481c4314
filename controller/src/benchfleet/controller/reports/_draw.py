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
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#7F7F7F")
"""Okabe and Ito's palette (https://jfly.uni-koeln.de/color/) without its yellow, which no white page carries, and
without its second blue and orange, which thin lines do not tell from the first.
What shares a colour differs in mark and dash."""
AMBER = "#E69F00"
"""Its second orange, for one thing set apart."""
DASHES = ("-", (0, (5, 2)), (0, (1, 1.5)), (0, (7, 2, 1, 2)))
"""Of the first, second, ... line of one colour."""
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "h")

LEADER = {"arrowstyle": "-", "lw": 0.7, "alpha": 0.65, "shrinkA": 1, "shrinkB": 4, "relpos": (0.0, 0.5)}

LABELS_AT = 1.03
"""Where names begin, as a fraction of the axes."""
TOUCHING = 0.012
"""Fraction of the axes from which on a thin line runs through another's mark."""

WIDTH_IN = 9.6
LEFT, AXES_WIDTH = 0.13, 0.55
"""Of pictures with a title beside the y axis: fractions of the width, room for `1000000` and the title."""
TITLE_AT = -0.2
"""Where that title stands, as a fraction of the axes: beside the widest number, within the picture."""
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


def figure(name: str, height_in: float, draw: Any, alt: str, *, simulated: bool = False) -> Markup:
    """Calls `draw(figure)` and returns the SVG; `name` salts its ids, so that several fit in one page.

    What is simulated says so across the picture, since pictures are taken out of their page.
    """
    with rc_context({**STYLE, "svg.hashsalt": f"benchfleet-{name}"}):
        canvas = Figure(figsize=(WIDTH_IN, height_in), dpi=72)
        draw(canvas)
        if simulated:
            canvas.text(0.5, 0.5, "SIMULATED", size=44, color=INK, alpha=0.13, ha="center", va="center", rotation=12)
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


def y_title(axes: Axes, text: str) -> None:
    """The title of the y axis at a place of its own, so that wide numbers do not push it out of the picture."""
    axes.set_ylabel(text)
    axes.yaxis.set_label_coords(TITLE_AT, 0.5)


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
    placed = untangled([tuple(to_axes.transform(anchor)) for anchor in anchors], placed, heights)
    for i, height in zip(placed, heights, strict=True):
        axes.annotate(
            short(texts[i], 38),
            xy=anchors[i],
            xytext=(LABELS_AT, height),
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


def untangled(anchors: Sequence[tuple[float, ...]], placed: Sequence[int], heights: Sequence[float]) -> list[int]:
    """`placed` with neighbours exchanged for as long as that leaves fewer lines that cross or run through a mark."""
    order = list(placed)
    better = True
    while better:
        better = False
        for k in range(len(order) - 1):
            swapped = [*order[:k], order[k + 1], order[k], *order[k + 2 :]]
            if _tangles(anchors, swapped, heights, (k, k + 1)) < _tangles(anchors, order, heights, (k, k + 1)):
                order, better = swapped, True
    return order


def _tangles(
    anchors: Sequence[tuple[float, ...]], order: Sequence[int], heights: Sequence[float], of: Sequence[int]
) -> int:
    """What the lines of some labels have to do with the others."""
    found = 0
    for k in of:
        ends = (anchors[order[k]], (LABELS_AT, heights[k]))
        for j, other in enumerate(order):
            if j == k or (j in of and j < k):
                continue
            theirs = (anchors[other], (LABELS_AT, heights[j]))
            found += _cross(ends, theirs) + _through(ends, anchors[other]) + _through(theirs, ends[0])
    return found


Line = tuple[tuple[float, ...], tuple[float, ...]]


def _at(line: Line, x: float) -> float | None:
    (x0, y0), (x1, y1) = line
    return None if not min(x0, x1) <= x <= max(x0, x1) or x0 == x1 else y0 + (y1 - y0) * (x - x0) / (x1 - x0)


def _cross(one: Line, other: Line) -> bool:
    """Both end at the labels, so they cross when their order there is not that where the shorter one begins."""
    x = max(one[0][0], other[0][0])
    a, b = _at(one, x), _at(other, x)
    return a is not None and b is not None and (a - b) * (one[1][1] - other[1][1]) < 0


def _through(line: Line, mark: tuple[float, ...]) -> bool:
    y = _at(line, mark[0])
    return y is not None and mark[0] > line[0][0] and abs(y - mark[1]) < TOUCHING
