"""The runs of a campaign as a board that fits the terminal: what is at work first, then what ended last, then the rest.

    digits: 5 of 12 runs ended: 3 valid, 1 invalid, 1 failed
    pi5-lab      digits:int8 onnxruntime  measuring   45 %
    pi5-lab      digits:fp16 onnxruntime  failed            runner_signal runner died of SIGSEGV
    … 6 more: 6 queued

No line is ever wider or the board taller than the terminal: what does not fit is counted in the last line, because a
terminal can only redraw what it still shows.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from benchfleet.controller.cli._records import run_record
from benchfleet.controller.cli._tables import state_name
from benchfleet.controller.comparison.labels import labels
from benchfleet.controller.comparison.table import NARROW_COLUMNS, STYLES
from benchfleet.core.errors import one_line
from benchfleet.v1 import agent_pb2, campaign_pb2

DEVICE_COLUMNS_MAX = 20
STATE_COLUMNS = 13
"""`unschedulable` is the longest."""
FRACTION_COLUMNS = 5
WHY_COLUMNS = 24
"""What a reason gets from a long cell, on a terminal of at least NARROW_COLUMNS; the comparison tells it whole."""
GAPS = 4
LINES_SPARED = 3
"""Of the terminal's height: the head, the count of what does not fit, and the cursor's own line."""

LIVE = (campaign_pb2.RUN_STATE_LEASED, campaign_pb2.RUN_STATE_QUEUED)


class Board:
    """Renders as many runs as there are lines."""

    def __init__(self) -> None:
        self._runs: dict[str, Any] = {}
        self._labels: dict[str, str] = {}
        self._head = ""

    def update(self, news: Any) -> None:
        """Takes a WatchCampaignResponse; a run that changed is the newest of its kind."""
        known = len(self._runs)
        for run in news.runs:
            self._runs.pop(run.id, None)
            self._runs[run.id] = run
        if len(self._runs) != known:
            self._labels = labels((run_record(run, None) for run in self._runs.values()), device=False)
        ended = [run for run in self._runs.values() if run.state not in LIVE]
        name = one_line(news.campaign.name, limit=63)
        self._head = f"{name}: {len(ended)} of {len(self._runs)} runs ended{_counted(ended)}"

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The head, the runs that fit, and how many of what do not."""
        order = self._ordered()
        lines = max(1, options.size.height - LINES_SPARED)
        shown, left = (order, []) if len(order) <= lines + 1 else (order[:lines], order[lines:])
        yield Text(self._head, style="bold", no_wrap=True, overflow="ellipsis")
        yield self._table(shown, options.max_width)
        if left:
            text = f"… {len(left)} more{_counted(left)}"
            yield Text(text, style="dim", no_wrap=True, overflow="ellipsis")

    def _ordered(self) -> list[Any]:
        """At work by device, ended by time with the last first, then the queue in its order."""
        runs = list(self._runs.values())
        work = sorted((r for r in runs if r.state == campaign_pb2.RUN_STATE_LEASED), key=lambda r: str(r.cell.device))
        ended = [r for r in reversed(runs) if r.state not in LIVE]
        return [*work, *ended, *(r for r in runs if r.state == campaign_pb2.RUN_STATE_QUEUED)]

    def _table(self, runs: list[Any], width: int) -> Table:
        device = min(DEVICE_COLUMNS_MAX, max((len(r.cell.device) for r in runs), default=1))
        rest = width - device - STATE_COLUMNS - FRACTION_COLUMNS - GAPS
        longest = max((len(self._labels[r.id]) for r in runs), default=1)
        spared = WHY_COLUMNS if width >= NARROW_COLUMNS and any(why(r) for r in runs) else 0
        cell = max(1, min(longest, rest - spared))
        table = Table(box=None, show_header=False, padding=(0, 1, 0, 0), pad_edge=False)
        for columns in (device, cell, STATE_COLUMNS, FRACTION_COLUMNS, max(1, rest - cell)):
            table.add_column(width=columns, no_wrap=True, overflow="ellipsis")
        for run in runs:
            state = state_of(run)
            leased = run.state == campaign_pb2.RUN_STATE_LEASED
            table.add_row(
                Text(one_line(run.cell.device)),
                Text(self._labels[run.id]),
                Text(state, style=STYLES.get(state, "bold" if leased else "dim")),
                Text(f"{min(max(run.fraction, 0.0), 1.0):.0%}".rjust(FRACTION_COLUMNS - 1) if leased else ""),
                Text(why(run), style="dim"),
            )
        return table


def state_of(run: Any) -> str:
    """The phase while a run is at work, its verdict once it is done."""
    if run.state == campaign_pb2.RUN_STATE_LEASED and run.phase:
        return state_name(agent_pb2.Phase, run.phase, "PHASE_")
    return one_line(run.verdict) or state_name(campaign_pb2.RunState, run.state, "RUN_STATE_")


def why(run: Any) -> str:
    """The reason and its detail of a run that did not end well."""
    if run.state == campaign_pb2.RUN_STATE_SUCCEEDED:
        return ""
    return one_line(" ".join(part for part in (run.reason, run.detail) if part), limit=200)


def _counted(runs: list[Any]) -> str:
    counts = Counter(state_of(run) for run in runs)
    return ": " + ", ".join(f"{count} {state}" for state, count in counts.most_common()) if counts else ""
