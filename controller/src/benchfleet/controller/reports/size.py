"""What a smaller file costs in accuracy: one point a model file, coloured by precision."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from benchfleet.controller.comparison.compare import ACCURACY, SIZE, Row
from benchfleet.controller.comparison.labels import is_simulated
from benchfleet.controller.reports import Subject
from benchfleet.controller.reports import _draw as d
from benchfleet.controller.reports._page import render as template

TITLE = "Size against accuracy"
ORDER = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Dot:
    """One model file; accuracy in percent with its interval."""

    label: str
    precision: str
    size_mb: float
    accuracy: float
    low: float
    high: float


def render(subject: Subject) -> Markup:
    """The picture, or what is missing for it."""
    ranked = [row for row in subject.comparison.rows if row.ranked]
    ranked = [row for row in ranked if not is_simulated(row.run)] or ranked
    dots = _dots(ranked)
    if not dots:
        why = next(
            (v.reason for row in ranked if (v := row.metric(ACCURACY)) is not None and v.value is None and v.reason),
            "no accuracy was measured; name a dataset in the campaign",
        )
        return template("pictures.html", pictures=[], why=f"No picture: {why}.", note="")
    height = max(3.4, 1.0 + d.ROW_IN * len(dots))
    picture = d.figure("size", height, _drawer(dots), f"Size against accuracy of {len(dots)} model files")
    return template("pictures.html", pictures=[("", picture)], why="", note="Thin bars are 95 % intervals of accuracy.")


def _dots(rows: Sequence[Row]) -> list[Dot]:
    """The first valid run of each model file speaks for it: accuracy belongs to the file and the data set."""
    dots: dict[str, Dot] = {}
    several = len({row.run.format for row in rows}) > 1
    for row in rows:
        size, accuracy = row.metric(SIZE), row.metric(ACCURACY)
        if size is None or accuracy is None or not size.value or accuracy.value is None:
            continue
        label = f"{row.run.model} {row.run.format}" if several else row.run.model
        low, high = accuracy.ci95 or (accuracy.value, accuracy.value)
        dot = Dot(
            label=label,
            precision=row.run.precision or "unknown",
            size_mb=size.value / 1e6,
            accuracy=100 * accuracy.value,
            low=100 * low,
            high=100 * high,
        )
        dots.setdefault(label, dot)
    return list(dots.values())


def _drawer(dots: Sequence[Dot]) -> object:
    def draw(figure: Figure) -> None:
        height = figure.get_figheight()
        axes = figure.add_axes((d.LEFT, 0.6 / height, d.AXES_WIDTH, 1 - 0.75 / height))
        kinds = list(dict.fromkeys(dot.precision for dot in dots))
        colours = [d.COLOURS[kinds.index(dot.precision) % len(d.COLOURS)] for dot in dots]
        for dot, colour in zip(dots, colours, strict=True):
            marker = d.MARKERS[kinds.index(dot.precision) % len(d.MARKERS)]
            axes.plot([dot.size_mb] * 2, [dot.low, dot.high], color=colour, lw=1.2, alpha=0.7)
            axes.plot([dot.size_mb], [dot.accuracy], marker=marker, ms=9, color=colour, mec=d.PAPER, mew=0.8)
        axes.set_xlim(0, max(dot.size_mb for dot in dots) * 1.08)
        axes.margins(y=0.12)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.4g} %"))
        axes.grid()
        axes.set_xlabel("size of the file, MB")
        d.y_title(axes, "top-1 accuracy")
        d.label_column(axes, [(dot.size_mb, dot.accuracy) for dot in dots], [dot.label for dot in dots], colours)

    return draw
