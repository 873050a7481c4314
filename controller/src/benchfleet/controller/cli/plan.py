"""Show what a campaign document would measure, what not and why, and how long it takes.

benchfleet plan campaign.yaml
"""

from __future__ import annotations

from pathlib import Path

import click

from benchfleet.controller.cli._tables import print_json, print_table
from benchfleet.controller.client import FleetOptions, fleet_options


@click.command(name="plan")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print every cell as JSON.")
@fleet_options
def command(fleet: FleetOptions, file: Path, as_json: bool) -> None:
    """Expand the campaign in FILE without making anything."""
    from benchfleet.controller.client.connection import CALL_TIMEOUT_S
    from benchfleet.controller.operator.document_file import checked
    from benchfleet.v1.campaign_pb2 import PlanCampaignRequest
    from benchfleet.v1.campaign_pb2_grpc import CampaignServiceStub

    text = checked(file)
    with fleet.connect() as session:
        request = PlanCampaignRequest(document_yaml=text)
        reply = CampaignServiceStub(session.channel).PlanCampaign(request, timeout=CALL_TIMEOUT_S)
    estimated_s = reply.estimated_duration.ToTimedelta().total_seconds()
    cells = [
        {
            "cell_key": c.cell_key,
            "device": c.device,
            "model": c.model,
            "format": c.format,
            "runtime": c.runtime,
            "threads": c.threads,
            "batch": c.batch,
            "scenario": c.scenario,
            "power_mode": c.power_mode or None,
            "estimated_s": c.estimated_duration.ToTimedelta().total_seconds(),
            "pruned_reason": c.pruned_reason or None,
        }
        for c in reply.cells
    ]
    baseline = reply.baseline_cell_hint or None
    if as_json:
        said = {"campaign": reply.campaign_name, "baseline": baseline, "estimated_s": estimated_s, "cells": cells}
        print_json(said)
        return
    rows = ((c["device"], c["cell_key"], c["pruned_reason"] or f"{c['estimated_s']:.0f} s") for c in cells)
    print_table(("device", "cell", "time, or why not"), rows, empty="no cells")
    measured = sum(c["pruned_reason"] is None for c in cells)
    against = f", against {baseline}" if baseline else ""
    minutes = max(1, round(estimated_s / 60))
    click.echo(f"{reply.campaign_name}: {measured} of {len(cells)} cells, about {minutes} min{against}", err=True)
