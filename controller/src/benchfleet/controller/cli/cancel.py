"""Cancel what has not ended of a campaign.

benchfleet cancel latest
"""

from __future__ import annotations

import click

from benchfleet.controller.client import FleetOptions, fleet_options


@click.command(name="cancel")
@click.argument("campaign", metavar="ID")
@click.option("--reason", default="cancelled by the operator", show_default=True, help="Kept with the runs.")
@fleet_options
def command(fleet: FleetOptions, campaign: str, reason: str) -> None:
    """Cancel campaign ID; what has ended stays as it is."""
    from benchfleet.controller.client.connection import CALL_TIMEOUT_S
    from benchfleet.v1.campaign_pb2 import CancelCampaignRequest
    from benchfleet.v1.campaign_pb2_grpc import CampaignServiceStub

    with fleet.connect() as session:
        request = CancelCampaignRequest(campaign_id=campaign, reason=reason)
        found = CampaignServiceStub(session.channel).CancelCampaign(request, timeout=CALL_TIMEOUT_S).campaign
    counts = ", ".join(f"{count} {state.lower()}" for state, count in sorted(found.run_counts.items()))
    click.echo(f"campaign {found.id}: {counts}", err=True)
