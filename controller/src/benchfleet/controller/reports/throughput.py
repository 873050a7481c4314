"""What a larger batch buys and costs: throughput over latency, a line a configuration, larger marks larger batches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from markupsafe import Markup
from matplotlib.figure import Figure

from benchfleet.controller.comparison.compare import THROUGHPUT, Row
from benchfleet.controller.comparison.labels import device_titles
from benchfleet.controller.comparison.ratio import LATENCY
from benchfleet.controller.reports import Subject
from benchfleet.controller.reports import _draw as d
from benchfleet.controller.reports._page import render as template

TITLE = "Throughput against latency"
ORDER = 45

Point = tuple[float, float, int]

SETTINGS = ("format", "runtime", "threads", "scenario", "power_mode")
"""What makes a configuration beside the model: named where it varies."""


def render(subject: Subject) -> Markup:
    """One picture a device with more than one batch; otherwise what to ask for to get it."""
    pictures, why = [], ""
    rows = [row for row in subject.comparison.rows if row.ranked]
    for index, (device, title) in enumerate(device_titles(row.run for row in rows).items()):
        lines = _lines([row for row in rows if row.run.device == device])
        if len({batch for points in lines.values() for _, _, batch in points}) > 1:
            alt = f"Throughput against latency of {len(lines)} configurations on {title}"
            height = max(3.6, 1.0 + d.ROW_IN * len(lines))
            pictures.append(
                (title, d.figure(f"throughput-{index}", height, _drawer(lines), alt, simulated=title != device))
            )
    if not pictures:
        measured = sorted({row.run.batch for row in rows})
        why = (
            f"Only batch {measured[0]} has valid runs; a campaign with matrix: {{batch: [1, 8]}} fills this picture."
            if measured
            else "No run has a valid result."
        )
    return template("pictures.html", pictures=pictures, why=why, note="Larger marks are larger batches.")


def _lines(rows: Sequence[Row]) -> dict[str, list[Point]]:
    """Points by configuration, in order of batch."""
    lines: dict[str, list[Point]] = {}
    varying = {name for name in SETTINGS if len({getattr(r.run, name) for r in rows}) > 1}
    for row in sorted(rows, key=lambda r: r.run.batch):
        x, y = row.metric(LATENCY), row.metric(THROUGHPUT)
        if x is None or y is None or not x.value or not y.value or x.value < 0 or y.value < 0:
            continue
        parts = [row.run.model] + [
            f"t{row.run.threads}" if name == "threads" else str(getattr(row.run, name))
            for name in SETTINGS
            if name in varying
        ]
        lines.setdefault(" ".join(parts), []).append((x.value, y.value, row.run.batch))
    return lines


def _drawer(lines: Mapping[str, Sequence[Point]]) -> object:
    def draw(figure: Figure) -> None:
        height = figure.get_figheight()
        axes = figure.add_axes((d.LEFT, 0.6 / height, d.AXES_WIDTH, 1 - 0.75 / height))
        batches = sorted({batch for points in lines.values() for _, _, batch in points})
        models = sorted({name.partition(" ")[0] for name in lines})
        colours = [d.COLOURS[models.index(name.partition(" ")[0]) % len(d.COLOURS)] for name in lines]
        for i, points in enumerate(lines.values()):
            xs, ys = [p[0] for p in points], [p[1] for p in points]
            dash = d.DASHES[colours[:i].count(colours[i]) % len(d.DASHES)]
            axes.plot(xs, ys, color=colours[i], lw=1.4, alpha=0.8, ls=dash)
            for x, y, batch in points:
                size = 5 + 5 * batches.index(batch) / max(1, len(batches) - 1)
                marker = d.MARKERS[i % len(d.MARKERS)]
                axes.plot([x], [y], marker=marker, ms=size, color=colours[i], mec=d.PAPER, mew=0.8)
        axes.margins(0.08)
        d.log_axis(axes.xaxis)
        d.log_axis(axes.yaxis)
        axes.grid(which="major")
        axes.set_xlabel("median latency of one call, ms (log)")
        d.y_title(axes, "samples per second (log)")
        ends = [(points[-1][0], points[-1][1]) for points in lines.values()]
        d.label_column(axes, ends, list(lines), colours)

    return draw
