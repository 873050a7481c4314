"""Watches a campaign to its end, over cuts of the connection and restarts of the controller."""

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
    """Each WatchCampaignResponse until the campaign has ended; UnreachableError after CUTS_MAX cuts in a row."""
    stub, cuts = CampaignServiceStub(session.channel), 0
    while True:
        try:
            for news in stub.WatchCampaign(WatchCampaignRequest(campaign_id=campaign_id)):
                if cuts:
                    say("the controller is back")
                cuts = 0
                yield news
                if news.campaign.HasField("end_time"):
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
