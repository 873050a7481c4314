"""Watches a campaign to its end, over cuts of the connection and restarts of the controller.

What is left may be runs that cannot be scheduled: a device that is gone must not keep a CI job waiting for ever, so
watching ends there too. The campaign stays open, and those runs go on when their device is back.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import grpc

from benchfleet.controller.client.connection import Session, converted
from benchfleet.core.errors import UnreachableError
from benchfleet.v1.campaign_pb2 import WatchCampaignRequest
from benchfleet.v1.campaign_pb2_grpc import CampaignServiceStub

CUTS_MAX = 12
"""In a row without news: with the waits between them, three minutes; then the controller is gone."""
WAIT_S_MAX = 20.0
RETRIED = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED, grpc.StatusCode.UNKNOWN)


def follow(
    session: Session, campaign_id: str, *, say: Callable[[str], None], sleep: Callable[[float], None] = time.sleep
) -> Iterator[Any]:
    """Each WatchCampaignResponse until the campaign has ended or is stuck.

    UnreachableError after CUTS_MAX cuts in a row.
    """
    stub, cuts = CampaignServiceStub(session.channel), 0
    while True:
        try:
            for news in stub.WatchCampaign(WatchCampaignRequest(campaign_id=campaign_id)):
                if cuts:
                    say("the controller is back")
                cuts = 0
                yield news
                if news.campaign.HasField("end_time") or stuck(news.campaign):
                    return
        except grpc.RpcError as error:
            if not isinstance(error, grpc.Call) or error.code() not in RETRIED:
                raise converted(error, session.controller) from error
        cuts += 1
        if cuts >= CUTS_MAX:
            raise UnreachableError(
                f"{session.controller} does not answer; the campaign goes on: benchfleet watch {campaign_id}"
            )
        if cuts == 1:
            say(f"the connection to {session.controller} broke; the campaign goes on, trying again")
        sleep(min(WAIT_S_MAX, 0.5 * 2**cuts))


def stuck(campaign: Any) -> bool:
    """Whether nothing of a campaign can go on before a device is back."""
    counts = campaign.run_counts
    return counts.get("UNSCHEDULABLE", 0) > 0 and not counts.get("QUEUED", 0) and not counts.get("LEASED", 0)
