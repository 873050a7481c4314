"""Write the results of a campaign for other programs.

benchfleet export latest --format csv -o results.csv
benchfleet export latest --format json | jq .
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from benchfleet.controller.cli._prices import prices_option
from benchfleet.controller.client import FleetOptions, fleet_options

if TYPE_CHECKING:
    from benchfleet.controller.costs.document import Prices


@click.command(name="export")
@click.argument("campaign", metavar="ID")
@click.option("--format", "format_name", default="json", show_default=True, help="json, csv, or an installed exporter.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="The file to write. [default: standard output]")
@prices_option
@fleet_options
def command(fleet: FleetOptions, campaign: str, format_name: str, output: Path | None, prices: Prices | None) -> None:
    """Write campaign ID (an id, its beginning, latest, or a JSON export): json loses nothing, csv is one row a run."""
    import io

    from benchfleet.controller.cli._output import write_atomically
    from benchfleet.controller.cli._source import campaign_of
    from benchfleet.controller.exporters import GROUP, PACKAGE, Exporter
    from benchfleet.core import plugins

    exporter = cast(Exporter, plugins.load(PACKAGE, GROUP, format_name))
    stream = io.BytesIO()
    exporter.write(campaign_of(fleet, campaign, prices), stream)
    if output is None:
        sys.stdout.buffer.write(stream.getvalue())
    else:
        write_atomically(output, stream.getvalue())
        click.echo(f"wrote {click.format_filename(output)}", err=True)
