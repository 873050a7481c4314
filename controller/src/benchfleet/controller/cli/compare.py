"""Compare the runs of a campaign with its baseline.

benchfleet compare latest
benchfleet compare latest --baseline digits:fp32 --pareto latency_p50,accuracy_top1
benchfleet compare latest --rank energy_mj_per_inference
benchfleet compare latest --against c-20260102-1a2b3c4d
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from benchfleet.controller.cli._prices import prices_option
from benchfleet.controller.client import FleetOptions, fleet_options

if TYPE_CHECKING:
    from benchfleet.controller.catalog import RunRecord
    from benchfleet.controller.comparison.compare import Row
    from benchfleet.controller.costs.document import Prices
    from benchfleet.controller.policies.metrics import Metric


@click.command(name="compare")
@click.argument("campaign", metavar="ID")
@click.option("--baseline", metavar="CELL", help="A model, or a cell key or a part of just one. [default: as declared]")
@click.option("--against", metavar="ID", help="Each cell with the same cell and device of this campaign.")
@click.option("--force", is_flag=True, help="Show ratios across unlike conditions, too, marked and without a finding.")
@click.option("--pareto", metavar="X,Y", help="Mark the runs that no other beats in these two metrics.")
@click.option("--rank", metavar="METRIC", help="Order the runs by this metric, a list for each scope and scenario.")
@click.option("--json", "as_json", is_flag=True, help="Print every row with its ratios as JSON.")
@prices_option
@fleet_options
@click.pass_context
def command(
    ctx: click.Context,
    fleet: FleetOptions,
    campaign: str,
    baseline: str | None,
    against: str | None,
    force: bool,
    pareto: str | None,
    rank: str | None,
    as_json: bool,
    prices: Prices | None,
) -> None:
    """Compare the runs of campaign ID (an id, its beginning, latest, or a JSON export) with its baseline.

    "Faster" and "slower" need a 95 % interval that excludes 1 and an effect of at least 2 %. Exits 3 when no run has a
    result that may be ranked, and when unlike conditions refuse every ratio.
    """

    from benchfleet.controller.cli._source import campaign_of
    from benchfleet.controller.comparison.compare import compare
    from benchfleet.controller.comparison.plain import comparison_json
    from benchfleet.controller.comparison.ranked import rankings_json, render_rankings
    from benchfleet.controller.comparison.table import render
    from benchfleet.controller.costs.table import costs_json, render_costs
    from benchfleet.controller.screen import stdout_console
    from benchfleet.core.errors import EXIT_NO_EVIDENCE, DocumentError, one_line

    axes = _axes(pareto) if pareto is not None else None
    ranked_by = _directed("--rank", rank) if rank is not None else None
    if against is not None and baseline is not None:
        raise DocumentError("--against and --baseline both say what to compare with; give one")
    other = campaign_of(fleet, against, prices) if against is not None else None
    comparison = compare(campaign_of(fleet, campaign, prices), baseline, against=other, force=force)
    front = _front(comparison.campaign.runs, axes) if axes else frozenset()
    if as_json:
        import json

        data = {**comparison_json(comparison, front), **costs_json(comparison)}
        if ranked_by is not None:
            data["ranking"] = rankings_json(comparison, ranked_by.name, ranked_by.better or "lower")
        click.echo(json.dumps(data, indent=2, allow_nan=False))
    else:
        console = stdout_console()
        render(comparison, console, front)
        render_costs(comparison, console)
        if ranked_by is not None:
            render_rankings(comparison, ranked_by.name, ranked_by.better or "lower", console)
    if not any(row.ranked for row in comparison.rows):
        click.echo("no run of this campaign has a result that may be ranked", err=True)
        ctx.exit(EXIT_NO_EVIDENCE)
    refused = refusals(comparison.rows) if not force else []
    for line in refused:
        click.echo(one_line(line), err=True)
    if refused and all(row.latency.value is None for row in comparison.rows):
        ctx.exit(EXIT_NO_EVIDENCE)


def refusals(rows: Sequence[Row]) -> list[str]:
    """One line for each unlike condition that refused a ratio of a ranked run, with how many runs it touches."""
    counts = Counter(str(u) for row in rows if row.ranked for u in row.refused)
    return [
        f"refused, unlike {said} ({count} {'run' if count == 1 else 'runs'}); --force shows it, marked"
        for said, count in counts.items()
    ]


def _axes(text: str) -> list[Metric]:
    from benchfleet.core.errors import DocumentError

    names = [part.strip() for part in text.split(",")]
    if len(names) != 2 or names[0] == names[1]:
        raise DocumentError(f"--pareto wants two different metrics, like latency_p50,accuracy_top1, not {text!r}")
    return [_directed("--pareto", name) for name in names]


def _directed(option: str, name: str) -> Metric:
    from benchfleet.controller.policies.metrics import resolve
    from benchfleet.core.errors import DocumentError

    metric = resolve(name)
    if metric.better is None:
        raise DocumentError(f"{option}: {metric.name} is neither better low nor high; name another metric")
    return metric


def _front(runs: Sequence[RunRecord], axes: Sequence[Metric]) -> frozenset[str]:
    from benchfleet.controller.comparison.pareto import fronts

    x, y = axes
    return fronts(runs, x.name, y.name, x.better or "lower", y.better or "lower")
