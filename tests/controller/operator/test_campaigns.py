"""Making a campaign once and watching it over cuts, against a server that misbehaves on purpose."""

from __future__ import annotations

from concurrent import futures

import grpc
import pytest

from benchfleet.controller.client.connection import Session
from benchfleet.controller.operator.follow import CUTS_MAX, follow
from benchfleet.controller.operator.submit import submit
from benchfleet.core.errors import DocumentError, UnreachableError
from benchfleet.v1 import campaign_pb2 as pb
from benchfleet.v1 import campaign_pb2_grpc


class Moody(campaign_pb2_grpc.CampaignServiceServicer):
    """Answers with the codes it is given, one a call, then properly."""

    def __init__(self) -> None:
        self.codes: list[grpc.StatusCode] = []
        self.keys: list[str] = []
        self.watches = 0
        self.counts: list[dict[str, int]] = []

    def CreateCampaign(self, request, context):  # noqa: N802
        self.keys.append(request.idempotency_key)
        if self.codes:
            context.abort(self.codes.pop(0), "moody")
        return pb.CreateCampaignResponse(campaign=pb.Campaign(id="c-1", name="test"))

    def WatchCampaign(self, request, context):  # noqa: N802
        self.watches += 1
        campaign = pb.Campaign(id=request.campaign_id)
        if self.codes:
            yield pb.WatchCampaignResponse(campaign=campaign)
            context.abort(self.codes.pop(0), "moody")
        for counts in self.counts:
            yield pb.WatchCampaignResponse(campaign=pb.Campaign(id=request.campaign_id, run_counts=counts))
        campaign.end_time.FromSeconds(1)
        yield pb.WatchCampaignResponse(campaign=campaign)


@pytest.fixture
def moody():
    return Moody()


@pytest.fixture
def session(moody):
    server = grpc.server(futures.ThreadPoolExecutor(2))
    campaign_pb2_grpc.add_CampaignServiceServicer_to_server(moody, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield Session(channel=channel, controller="moody")
    server.stop(None)


def test_a_try_after_a_cut_sends_the_same_key(session, moody, tmp_path):
    moody.codes = [grpc.StatusCode.UNAVAILABLE]
    with pytest.raises(UnreachableError):
        submit(session, "document", tmp_path)
    submit(session, "document", tmp_path)
    assert len(set(moody.keys)) == 1
    assert list(tmp_path.iterdir()) == []


def test_the_same_document_on_purpose_is_a_campaign_of_its_own(session, moody, tmp_path):
    submit(session, "document", tmp_path)
    submit(session, "document", tmp_path)
    assert len(set(moody.keys)) == 2


def test_a_refused_document_leaves_nothing_behind(session, moody, tmp_path):
    moody.codes = [grpc.StatusCode.INVALID_ARGUMENT]
    with pytest.raises(DocumentError):
        submit(session, "document", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_watch_goes_on_after_cuts_and_says_so_once_a_cut(session, moody):
    moody.codes = [grpc.StatusCode.UNAVAILABLE] * 3
    said: list[str] = []
    news = list(follow(session, "c-1", say=said.append, sleep=lambda _s: None))
    assert news[-1].campaign.HasField("end_time")
    assert moody.watches == 4
    assert sum("broke" in line for line in said) == 3
    assert sum("back" in line for line in said) == 3


def test_a_watch_ends_when_all_that_is_left_waits_for_a_device_that_is_gone(session, moody):
    moody.counts = [
        {"QUEUED": 1, "UNSCHEDULABLE": 2},
        {"LEASED": 1, "UNSCHEDULABLE": 2},
        {"SUCCEEDED": 1, "UNSCHEDULABLE": 2},
    ]
    news = list(follow(session, "c-1", say=lambda _t: None, sleep=lambda _s: None))
    assert len(news) == 3
    assert not news[-1].campaign.HasField("end_time")


def test_a_watch_that_is_refused_is_not_tried_again(session, moody):
    moody.codes = [grpc.StatusCode.INVALID_ARGUMENT]
    with pytest.raises(DocumentError):
        list(follow(session, "c-1", say=lambda _t: None, sleep=lambda _s: None))
    assert moody.watches == 1


def test_a_controller_that_stays_away_ends_the_watch_and_names_the_command():
    with grpc.insecure_channel("127.0.0.1:1") as channel:
        gone = Session(channel=channel, controller="gone")
        waits: list[float] = []
        with pytest.raises(UnreachableError, match="benchfleet watch c-1"):
            list(follow(gone, "c-1", say=lambda _t: None, sleep=waits.append))
    assert len(waits) == CUTS_MAX - 1
    assert max(waits) <= 20
