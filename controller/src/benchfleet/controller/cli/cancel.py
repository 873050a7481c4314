"""Cancel what has not ended of a campaign.

benchfleet cancel latest
"""

from __future__ import annotations

import click

from benchfleet.controller.cli._tables import print_json
from benchfleet.controller.client import FleetOptions, fleet_options


@click.command(name="cancel")
@click.argument("campaign", metavar="ID")
@click.option("--reason", default="cancelled by the operator", show_default=True, help="Kept with the runs.")
@click.option("--json", "as_json", is_flag=True, help="Print what became of its runs as JSON.")
@fleet_options
def command(fleet: FleetOptions, campaign: str, reason: str, as_json: bool) -> None:
    """Cancel campaign ID; what has ended stays as it is."""
    from benchfleet.controller.client.connection import CALL_TIMEOUT_S
    from benchfleet.v1.campaign_pb2 import CancelCampaignRequest
    from benchfleet.v1.campaign_pb2_grpc import CampaignServiceStub

    with fleet.connect() as session:
        request = CancelCampaignRequest(campaign_id=campaign, reason=reason)
        found = CampaignServiceStub(session.channel).CancelCampaign(request, timeout=CALL_TIMEOUT_S).campaign
    if as_json:
        runs = {name.lower(): count for name, count in sorted(found.run_counts.items())}
        print_json({"id": found.id, "name": found.name, "runs": runs})
        return
    counts = ", ".join(f"{count} {state.lower()}" for state, count in sorted(found.run_counts.items()))
    click.echo(f"campaign {found.id}: {counts}", err=True)
