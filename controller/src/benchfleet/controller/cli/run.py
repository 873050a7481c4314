"""Run a campaign document on the fleet.

benchfleet run campaign.yaml
benchfleet run campaign.yaml --wait
benchfleet run campaign.yaml --watch
"""

from __future__ import annotations

from pathlib import Path

import click

from benchfleet.controller.cli._tables import print_json
from benchfleet.controller.client import FleetOptions, fleet_options


@click.command(name="run")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--wait", "waits", is_flag=True, help="Wait for the end and print the comparison.")
@click.option("--watch", "watches", is_flag=True, help="As --wait, with live progress on a terminal.")
@click.option("--json", "as_json", is_flag=True, help="Print the id, or with --wait the comparison, as JSON.")
@fleet_options
@click.pass_context
def command(ctx: click.Context, fleet: FleetOptions, file: Path, waits: bool, watches: bool, as_json: bool) -> None:
    """Make a campaign of the document in FILE; sending it again after a cut makes no second one.

    Exits 0 when it was made; with --wait or --watch: 5 when a run did not succeed, 4 when what is left waits for a
    device that is gone, 3 when a result is invalid, 130 when interrupted. 4 and 130 leave the campaign
    going on.
    """
    from benchfleet.controller.operator.document_file import checked
    from benchfleet.controller.operator.submit import submit

    text = checked(file)
    with fleet.connect() as session:
        campaign = submit(session, text)
        click.echo(f"campaign {campaign.id} ({campaign.name})", err=True)
        if waits or watches:
            from benchfleet.controller.cli._progress import wait

            ctx.exit(wait(session, campaign.id, live=watches, as_json=as_json))
    if as_json:
        print_json({"id": campaign.id, "name": campaign.name})
    else:
        click.echo(campaign.id)
