"""Show the results of a campaign.

benchfleet results latest
benchfleet results latest --json
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from benchfleet.controller.cli._prices import prices_option
from benchfleet.controller.cli._tables import print_json, print_table
from benchfleet.controller.client import FleetOptions, fleet_options

if TYPE_CHECKING:
    from benchfleet.controller.costs.document import Prices

OPERATORS_SHOWN = 5
"""Of each run, where they were profiled; --json has them all."""


@click.command(name="results")
@click.argument("campaign", metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="Print each run with its whole result as JSON.")
@prices_option
@fleet_options
def command(fleet: FleetOptions, campaign: str, as_json: bool, prices: Prices | None) -> None:
    """Show the runs of campaign ID (an id, its beginning, latest, or a JSON export) with their main numbers."""
    from benchfleet.controller.catalog import RunRecord
    from benchfleet.controller.cli._source import campaign_of
    from benchfleet.controller.comparison.answers import answers
    from benchfleet.controller.screen import stdout_console
    from benchfleet.core.errors import one_line
    from benchfleet.core.operators import operator_lines
    from benchfleet.core.results import to_json

    record = campaign_of(fleet, campaign, prices)
    if as_json:
        print_json(
            [
                {
                    "run_id": run.run_id,
                    "device": run.device,
                    "cell_key": run.cell_key,
                    "state": run.state,
                    "reason": run.reason or None,
                    "result": to_json(run.result) if run.result is not None else None,
                }
                for run in record.runs
            ]
        )
        return

    def number(run: RunRecord, name: str) -> str:
        value = run.result.metrics.get(name) if run.result is not None else None
        return "-" if value is None or value.value is None else f"{value.value:.4g}"

    metrics = ("latency_ms_p50", "latency_ms_p99", "throughput_per_s", "accuracy_top1")
    rows = (
        (
            run.device,
            run.cell_key,
            run.result.verdict if run.result is not None else run.state,
            *(number(run, name) for name in metrics),
            run.reason,
        )
        for run in record.runs
    )
    columns = ("device", "cell", "verdict", "p50 ms", "p99 ms", "samples/s", "top-1", "why")
    print_table(columns, rows, empty="no runs")
    screen = stdout_console()
    for table in answers([(f"{run.device} {run.cell_key}", run) for run in record.runs], screen.width):
        screen.print(table)
    for run in record.runs:
        found = run.result.provenance.get("operators") if run.result is not None else None
        if found is not None:
            click.echo(f"\n{one_line(run.device)} {one_line(run.cell_key)}")
            for line in operator_lines(found, OPERATORS_SHOWN):
                click.echo(line)
