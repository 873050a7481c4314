"""Write a campaign as one HTML page that needs no network.

benchfleet report latest -o report.html
benchfleet report latest -o report.html --policy policy.yaml
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from benchfleet.controller.cli._prices import prices_option
from benchfleet.controller.client import FleetOptions, fleet_options

if TYPE_CHECKING:
    from benchfleet.controller.costs.document import Prices


@click.command(name="report")
@click.argument("campaign", metavar="ID")
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="The HTML file to write.")
@click.option("--policy", "policy_file", type=click.Path(path_type=Path), help="Show what this policy says, too.")
@click.option("--baseline", metavar="CELL", help="A model, or a cell key or a part of just one. [default: as declared]")
@prices_option
@fleet_options
def command(
    fleet: FleetOptions,
    campaign: str,
    output: Path,
    policy_file: Path | None,
    baseline: str | None,
    prices: Prices | None,
) -> None:
    """Write campaign ID (an id, its beginning, latest, or a JSON export) as one self-contained page.

    From a controller, it has the history of each cell up to this campaign, too.
    """
    from benchfleet.controller.cli._output import write_atomically
    from benchfleet.controller.cli._source import campaign_of, history_of
    from benchfleet.controller.policies.load import load_policy
    from benchfleet.controller.reports import report_html

    policy = load_policy(policy_file) if policy_file is not None else None
    record = campaign_of(fleet, campaign, prices)
    html = report_html(record, policy, baseline, history_of(fleet, campaign, record))
    write_atomically(output, html.encode("utf-8"))
    click.echo(f"wrote {click.format_filename(output)} ({len(html) // 1024 + 1} KiB)", err=True)
