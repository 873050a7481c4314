"""Watch a campaign to its end.

benchfleet watch latest
"""

from __future__ import annotations

import click

from benchfleet.controller.client import FleetOptions, fleet_options


@click.command(name="watch")
@click.argument("campaign", metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="Print the comparison at the end as JSON.")
@fleet_options
@click.pass_context
def command(ctx: click.Context, fleet: FleetOptions, campaign: str, as_json: bool) -> None:
    """Watch campaign ID (an id, its beginning, or latest) and print its comparison; exits as `run --wait` does."""
    from benchfleet.controller.cli._progress import wait
    from benchfleet.controller.client.connection import CALL_TIMEOUT_S
    from benchfleet.v1.campaign_pb2 import GetCampaignRequest
    from benchfleet.v1.campaign_pb2_grpc import CampaignServiceStub

    with fleet.connect() as session:
        # `latest` may be another one after a cut, so the id is settled first.
        request = GetCampaignRequest(campaign_id=campaign)
        found = CampaignServiceStub(session.channel).GetCampaign(request, timeout=CALL_TIMEOUT_S).campaign.id
        ctx.exit(wait(session, found, live=True, as_json=as_json))
