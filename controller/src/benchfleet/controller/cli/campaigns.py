"""List campaigns.

benchfleet campaigns ls
"""

from __future__ import annotations

import click

from benchfleet.controller.cli._tables import print_json, print_table, state_name, utc
from benchfleet.controller.client import FleetOptions, fleet_options


@click.group(name="campaigns")
def command() -> None:
    """List campaigns."""


@command.command(name="ls")
@click.option("--json", "as_json", is_flag=True, help="Print the campaigns as JSON.")
@fleet_options
def ls(fleet: FleetOptions, as_json: bool) -> None:
    """List the campaigns, newest first."""
    from benchfleet.controller.operator.pages import every
    from benchfleet.v1.campaign_pb2 import CampaignState, ListCampaignsRequest
    from benchfleet.v1.campaign_pb2_grpc import CampaignServiceStub

    with fleet.connect() as session:
        stub = CampaignServiceStub(session.channel)
        found = [
            {
                "id": c.id,
                "name": c.name,
                "state": state_name(CampaignState, c.state, "CAMPAIGN_STATE_"),
                "created_utc": utc(c.create_time),
                "ended_utc": utc(c.end_time),
                "created_by": c.created_by,
                "baseline": c.baseline_model or None,
                "runs": {name.lower(): count for name, count in sorted(c.run_counts.items())},
            }
            for c in every(stub.ListCampaigns, ListCampaignsRequest, "campaigns")
        ]
    if as_json:
        print_json(found)
        return
    rows = (
        (c["id"], c["name"], c["state"], c["created_utc"], ", ".join(f"{n} {s}" for s, n in c["runs"].items()))
        for c in found
    )
    print_table(("id", "name", "state", "created", "runs"), rows, empty="no campaigns yet: benchfleet run FILE")
