"""The comparison on a terminal, one table a device. Names come from users: every cell is cleaned text, never markup."""

from __future__ import annotations

from rich.console import Console, RenderableType
from rich.text import Text

from benchfleet.controller.catalog import CampaignRecord
from benchfleet.controller.comparison import numbers
from benchfleet.controller.comparison.answers import answers
from benchfleet.controller.comparison.compare import SIZE, THROUGHPUT, Comparison, Row, compare
from benchfleet.controller.comparison.conditions import power_mode_of
from benchfleet.controller.comparison.labels import device_titles, is_simulated
from benchfleet.controller.comparison.ratio import LATENCY
from benchfleet.controller.screen import arranged
from benchfleet.core.errors import one_line

STYLES = {"valid": "green", "degraded": "yellow", "invalid": "red", "failed": "bold red", "unschedulable": "red"}

WIDE_COLUMNS = 130
"""From this width on intervals fit beside the numbers; below it they would fold every row."""

NARROW_COLUMNS = 100
"""Below this, the columns that the others nearly say are left out; --json always has them all."""


def render_comparison(campaign: CampaignRecord, console: Console) -> None:
    """Compares with the declared baseline and prints the tables and their notes."""
    render(compare(campaign), console)


def render(comparison: Comparison, console: Console, front: frozenset[str] = frozenset()) -> None:
    """Prints a table for each device, then what limits them. `front`: run ids to mark as Pareto optimal."""
    campaign = comparison.campaign
    against = f"against {comparison.baseline}" if comparison.baseline else "without a baseline"
    console.print(Text(one_line(f"{campaign.name} ({campaign.id}), {against}", limit=200), style="bold"))
    for device, title in device_titles(row.run for row in comparison.rows).items():
        rows = [row for row in comparison.rows if row.run.device == device]
        console.print(_table(title, rows, front, console.width))
        for table in answers([(row.cell_label, row.run) for row in rows], console.width):
            console.print(table)
    if front:
        console.print(
            Text("◆ no other run beats it in both metrics; ◇ the same, but its result is degraded", style="dim")
        )
    for row in comparison.rows:
        if row.why and row.status != "valid":
            console.print(Text(one_line(f"{row.label}: {row.status}: {row.why}", limit=400), style="dim"))
    simulated = sum(is_simulated(row.run) for row in comparison.rows)
    if simulated:
        fake = "a board that is not there, or a runtime that measures no model: no evidence of a device"
        console.print(Text(f"simulated: {simulated} of {len(comparison.rows)} results: {fake}", style="yellow"))
    for warning in comparison.warnings:
        console.print(Text(one_line(f"unlike: {warning}", limit=400), style="yellow"))


def _table(title: str, rows: list[Row], front: frozenset[str], width: int) -> RenderableType:
    numeric = ["p50 ms", "p99 ms", "samples/s", "size", "top-1", "drop"]
    kept = [n for n in numeric if width >= NARROW_COLUMNS or n not in ("p99 ms", "drop")]
    modes = ["power mode"] if any(row.run.power_mode for row in rows) else []
    wide = width >= WIDE_COLUMNS
    cells = []
    for row in rows:
        values = _values(row, wide=wide)
        faded = "" if row.ranked else "dim"
        name = (f"{mark(row)} " if row.run.run_id in front else "") + one_line(row.cell_label)
        cells.append(
            [
                Text(name, style=faded),
                Text(row.status, style=STYLES.get(row.status, "")),
                *(Text(one_line(power_mode_of(row.run) or numbers.ABSENT), style=faded) for _ in modes),
                *(values[each] for each in kept),
                Text(one_line(versus(row, interval=wide)), style=faded),
            ]
        )
    columns = ("cell", "verdict", *modes, *kept, "latency to baseline")
    return arranged(columns, cells, width, right=kept, title=Text(one_line(title, limit=160)))


def mark(row: Row) -> str:
    """On a front: a full diamond for a valid result, a hollow one for a degraded one."""
    return "◆" if row.status == "valid" else "◇"


def _values(row: Row, *, wide: bool) -> dict[str, Text]:
    best = {name: "bold" if name in row.best else "" for name in (LATENCY, THROUGHPUT)}
    faded = "" if row.ranked else "dim"
    number = numbers.with_half_width if wide else numbers.plain
    drop = numbers.ABSENT if row.is_baseline else numbers.points(row.accuracy_drop_pp)
    return {
        "p50 ms": Text(number(row.metric(LATENCY)), style=best[LATENCY] or faded),
        "p99 ms": Text(number(row.metric("latency_ms_p99")), style=faded),
        "samples/s": Text(number(row.metric(THROUGHPUT)), style=best[THROUGHPUT] or faded),
        "size": Text(numbers.size(row.metric(SIZE)), style=faded),
        "top-1": Text(numbers.percent(row.metric("accuracy_top1")), style=faded),
        "drop": Text(drop, style=faded),
    }


def versus(row: Row, *, interval: bool = True) -> str:
    """What the last column but one says: the ratio, or why there is none."""
    if row.is_baseline:
        return "baseline"
    if not row.ranked:
        return numbers.ABSENT
    if row.latency.value is None:
        return row.latency.reason
    text = numbers.ratio(row.latency, lower="faster", higher="slower", interval=interval)
    return text if row.latency.paired else f"{text} (unpaired)"
