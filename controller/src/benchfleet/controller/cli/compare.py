"""Compare the runs of a campaign with its baseline.

benchfleet compare latest
benchfleet compare latest --baseline digits:fp32 --pareto latency_p50,accuracy_top1
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from benchfleet.controller.client import FleetOptions, fleet_options

if TYPE_CHECKING:
    from benchfleet.controller.catalog import RunRecord
    from benchfleet.controller.policies.metrics import Metric


@click.command(name="compare")
@click.argument("campaign", metavar="ID")
@click.option("--baseline", metavar="CELL", help="A model, or a cell key or a part of just one. [default: as declared]")
@click.option("--pareto", metavar="X,Y", help="Mark the runs that no other beats in these two metrics.")
@click.option("--json", "as_json", is_flag=True, help="Print every row with its ratios as JSON.")
@fleet_options
@click.pass_context
def command(
    ctx: click.Context, fleet: FleetOptions, campaign: str, baseline: str | None, pareto: str | None, as_json: bool
) -> None:
    """Compare the runs of campaign ID (an id, its beginning, latest, or a JSON export) with its baseline.

    "Faster" and "slower" need a 95 % interval that excludes 1 and an effect of at least 2 %. Exits 3 when no run has a
    result that may be ranked.
    """
    from rich.console import Console

    from benchfleet.controller.cli._source import campaign_of
    from benchfleet.controller.comparison.compare import compare
    from benchfleet.controller.comparison.plain import comparison_json
    from benchfleet.controller.comparison.table import render
    from benchfleet.core.errors import EXIT_NO_EVIDENCE

    axes = _axes(pareto) if pareto is not None else None
    comparison = compare(campaign_of(fleet, campaign), baseline)
    front = _front(comparison.campaign.runs, axes) if axes else frozenset()
    if as_json:
        import json

        click.echo(json.dumps(comparison_json(comparison, front), indent=2, allow_nan=False))
    else:
        render(comparison, Console(), front)
    if not any(row.ranked for row in comparison.rows):
        click.echo("no run of this campaign has a result that may be ranked", err=True)
        ctx.exit(EXIT_NO_EVIDENCE)


def _axes(text: str) -> list[Metric]:
    from benchfleet.controller.policies.metrics import resolve
    from benchfleet.core.errors import DocumentError

    names = [part.strip() for part in text.split(",")]
    if len(names) != 2 or names[0] == names[1]:
        raise DocumentError(f"--pareto wants two different metrics, like latency_p50,accuracy_top1, not {text!r}")
    metrics = [resolve(name) for name in names]
    for metric in metrics:
        if metric.better is None:
            raise DocumentError(f"--pareto: {metric.name} is neither better low nor high; name another metric")
    return metrics


def _front(runs: Sequence[RunRecord], axes: Sequence[Metric]) -> frozenset[str]:
    from benchfleet.controller.comparison.pareto import front, points

    x, y = axes
    return frozenset(front(points(runs, x.name, y.name), x.better or "lower", y.better or "lower"))
