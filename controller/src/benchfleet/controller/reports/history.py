"""The same cells in earlier campaigns: a line each, the band of what was to be expected, and the verdict of the newest.

Left out when there is no history: a campaign from a file, or the first of its cells.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator

from benchfleet.controller.comparison import numbers
from benchfleet.controller.comparison.history_plain import change
from benchfleet.controller.comparison.labels import labels
from benchfleet.controller.comparison.past import Track
from benchfleet.controller.reports import Subject
from benchfleet.controller.reports import _draw as d
from benchfleet.controller.reports._page import render as template

TITLE = "History"
ORDER = 55

PICTURES_MAX = 24
"""The table has every cell; pictures are of the most worrying."""

COLUMNS = 2
PANEL_IN = 1.75
DATES_MAX = 4
LABEL_CHARACTERS = 52

COLOURS = {"worse": d.COLOURS[1], "host_slow": d.AMBER, "better": d.COLOURS[2], "host_fast": d.AMBER}
WORRY = {"confirmed": 0, "suspected": 1, "host_slow": 2, "no_evidence": 4}


def render(subject: Subject) -> Markup | None:
    """Panels of those with a past, worst first, and a row for each."""
    known = [track for track in subject.history if len(track.points) > 1]
    if not known:
        return None
    known.sort(key=lambda track: (WORRY.get(track.verdict, 3), track.device, track.cell_key))
    names = labels(track.points[-1].past.run for track in known)
    drawn = [track for track in known if len(track.used) > 1][:PICTURES_MAX]
    picture = None
    if drawn:
        lines = -(-len(drawn) // COLUMNS)
        alt = f"History of {drawn[0].metric} of {len(drawn)} cells"
        picture = d.figure("history", PANEL_IN * lines + 0.1, _drawer(drawn, lines, names), alt)
    rows = [
        {
            "track": track,
            "name": names[_newest_run(track)],
            "newest": numbers.significant(v) if (v := _newest(track)) is not None else numbers.ABSENT,
            "usual": numbers.significant(u) if (u := _usual(track)) is not None else numbers.ABSENT,
            "change": f"{c:+.1%}" if (c := change(track)) is not None else numbers.ABSENT,
            "trend": _trend(track),
            "verdict": track.verdict.replace("_", " "),
        }
        for track in known
    ]
    return template("history.html", picture=picture, rows=rows, metric=known[0].metric, unit=known[0].unit)


def _newest_run(track: Track) -> str:
    return track.points[-1].past.run.run_id


def _newest(track: Track) -> float | None:
    return track.used[-1].value.value if track.used else None


def _usual(track: Track) -> float | None:
    judged = track.used[-1].judged if track.used else None
    return judged.usual if judged is not None else None


def _trend(track: Track) -> str:
    if track.trend is None:
        return numbers.ABSENT
    return f"{track.trend.per_campaign:+.1%}" if track.trend.clear else "steady"


def _drawer(tracks: Sequence[Track], lines: int, names: Mapping[str, str]) -> object:
    def draw(figure: Figure) -> None:
        height = figure.get_figheight()
        for i, track in enumerate(tracks):
            left = 0.065 + (i % COLUMNS) * 0.5
            bottom = 1 - (PANEL_IN * (i // COLUMNS) + PANEL_IN - 0.38) / height
            axes = figure.add_axes((left, bottom, 0.425, (PANEL_IN - 0.75) / height))
            _panel(axes, track, names[_newest_run(track)])

    return draw


def _panel(axes: Axes, track: Track, name: str) -> None:
    used = [(x, p) for x, p in enumerate(track.points) if p.judged is not None and p.value.value is not None]
    xs, ys = [x for x, _ in used], [p.value.value or 0.0 for _, p in used]
    banded: list[Any] = [(x, p.judged.usual, *p.judged.band) for x, p in used if p.judged and p.judged.band]
    if banded:
        bx, middle, low, high = zip(*_widened(banded), strict=True)
        axes.fill_between(bx, low, high, color=d.GRID, alpha=0.5, lw=0, step="mid")
        axes.step(bx, middle, where="mid", color=d.INK, lw=0.8, alpha=0.5)
    axes.plot(xs, ys, color=d.COLOURS[0], lw=1.3, alpha=0.8)
    for (x, point), y in zip(used, ys, strict=True):
        mark = point.judged.mark if point.judged is not None else "usual"
        colour = COLOURS.get(mark, d.COLOURS[0])
        newest = x == xs[-1]
        axes.plot([x], [y], "o", ms=7 if newest else 4.5, color=colour, mec=d.PAPER, mew=0.8)
        if point.changed:
            axes.axvline(x - 0.5, color=d.INK, lw=0.8, ls=(0, (1, 2)))
    shown = [*ys, *(edge for _, _, lo, hi in banded for edge in (lo, hi))]
    middle_y = (min(shown) + max(shown)) / 2
    span = max(max(shown) - min(shown), 0.06 * middle_y)
    bottom, top = middle_y - 0.62 * span, middle_y + 0.62 * span
    axes.set_ylim(bottom, top)
    for x, point in enumerate(track.points):
        if point.judged is None and point.value.value is not None:  # far off, at the edge: it must not flatten the rest
            axes.plot([x], [min(top, max(bottom, point.value.value))], "x", ms=5, color=d.COLOURS[-1], clip_on=False)
    axes.set_xlim(-0.6, len(track.points) - 0.4)
    axes.yaxis.set_major_locator(MaxNLocator(3))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.tick_params(axis="y", labelsize=8)
    axes.grid(axis="y")
    _dates(axes, track)
    word = track.verdict.replace("_", " ")
    weight = "bold" if track.verdict in ("confirmed", "suspected") else "normal"
    axes.set_title(d.short(name, LABEL_CHARACTERS - len(word)), loc="left", fontsize=9)
    axes.set_title(word, loc="right", fontsize=9, weight=weight)


def _widened(banded: Sequence[Any]) -> list[Any]:
    """Half a step at both ends, so that a band of one result can be seen."""
    first, last = banded[0], banded[-1]
    return [(first[0] - 0.5, *first[1:]), *banded, (last[0] + 0.5, *last[1:])]


def _dates(axes: Axes, track: Track) -> None:
    """A few days along the axis; results stand in order and not to scale."""
    count = len(track.points)
    step = max(1, -(-count // DATES_MAX))
    places = list(range(count - 1, -1, -step))
    days = [datetime.fromtimestamp(track.points[x].past.received_utc_s, timezone.utc) for x in places]
    axes.xaxis.set_major_locator(FixedLocator(places))
    axes.set_xticklabels([f"{day:%d %b}" for day in days], fontsize=8)
