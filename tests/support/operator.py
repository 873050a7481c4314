"""An operator over the protocol itself: tests read what the controller says, not how a table prints it."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterable
from pathlib import Path

import grpc

from benchfleet.core.results import Result, loads
from benchfleet.v1 import campaign_pb2, campaign_pb2_grpc, fleet_pb2, fleet_pb2_grpc, result_pb2, result_pb2_grpc

Runs = dict[str, campaign_pb2.Run]
LIVE = (campaign_pb2.RUN_STATE_QUEUED, campaign_pb2.RUN_STATE_LEASED)
RECONNECT_S = 0.1


class Operator:
    """Stubs on one channel, from a credentials file."""

    def __init__(self, credentials: Path) -> None:
        said = json.loads(credentials.read_text())
        tls = grpc.ssl_channel_credentials(
            said["ca_pem"].encode(), said["key_pem"].encode(), said["certificate_pem"].encode()
        )
        options = (("grpc.ssl_target_name_override", "benchfleet-controller"), ("grpc.max_reconnect_backoff_ms", 500))
        self.channel = grpc.secure_channel(said["controller"], tls, options=options)
        self._campaigns = campaign_pb2_grpc.CampaignServiceStub(self.channel)
        self._fleet = fleet_pb2_grpc.FleetServiceStub(self.channel)
        self._results = result_pb2_grpc.ResultServiceStub(self.channel)

    def close(self) -> None:
        """Ends the channel."""
        self.channel.close()

    def create(self, document: str) -> str:
        """Makes a campaign; its id."""
        request = campaign_pb2.CreateCampaignRequest(document_yaml=document, idempotency_key=str(uuid.uuid4()))
        return self._campaigns.CreateCampaign(request, timeout=30).campaign.id

    def cancel(self, campaign_id: str) -> None:
        """Cancels what has not ended."""
        request = campaign_pb2.CancelCampaignRequest(campaign_id=campaign_id, reason="test")
        self._campaigns.CancelCampaign(request, timeout=30)

    def runs(self, campaign_id: str) -> Runs:
        """Every run of a campaign by id."""
        request = campaign_pb2.GetCampaignRequest(campaign_id=campaign_id)
        return {run.id: run for run in self._campaigns.GetCampaign(request, timeout=30, wait_for_ready=True).runs}

    def wait_runs(self, campaign_id: str, done: Callable[[Runs], bool], timeout_s: float) -> Runs:
        """Watches until `done`, over cuts of the connection; AssertionError with the states after the timeout."""
        deadline = time.monotonic() + timeout_s
        runs: Runs = {}
        while (left_s := deadline - time.monotonic()) > 0:
            try:
                for change in self._campaigns.WatchCampaign(
                    campaign_pb2.WatchCampaignRequest(campaign_id=campaign_id), timeout=left_s, wait_for_ready=True
                ):
                    runs.update({run.id: run for run in change.runs})
                    if runs and done(runs):
                        return runs
            except grpc.RpcError as error:
                if error.code() not in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED):  # type: ignore[attr-defined]
                    break
            runs.update(self.runs(campaign_id))
            if runs and done(runs):
                return runs
            time.sleep(RECONNECT_S)
        raise AssertionError(f"not within {timeout_s} s; runs are {describe(runs.values())}")

    def wait_ended(self, campaign_id: str, timeout_s: float) -> Runs:
        """Watches until no run is queued or leased."""
        return self.wait_runs(campaign_id, lambda runs: all(r.state not in LIVE for r in runs.values()), timeout_s)

    def results(self, campaign_id: str) -> dict[str, list[Result]]:
        """Accepted results by run id; a correct controller has one for each."""
        found: dict[str, list[Result]] = {}
        request = result_pb2.ListResultsRequest(campaign_id=campaign_id, page_size=500)
        for each in self._results.ListResults(request, timeout=30, wait_for_ready=True).results:
            found.setdefault(each.attempt.run_id, []).append(loads(each.result_json))
        return found

    def devices(self) -> dict[str, fleet_pb2.Device]:
        """Every device by name."""
        listed = self._fleet.ListDevices(fleet_pb2.ListDevicesRequest(), timeout=30, wait_for_ready=True)
        return {device.name: device for device in listed.devices}


def describe(runs: Iterable[campaign_pb2.Run]) -> list[str]:
    """Each run in one line, for a failing test."""
    return [f"{r.cell.cell_key}: {campaign_pb2.RunState.Name(r.state)} {r.reason} {r.detail}" for r in runs]
