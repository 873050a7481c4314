"""A campaign with its runs and results, from messages into the records that comparison, gates and reports read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from benchfleet.controller.catalog import CampaignRecord, RunRecord
from benchfleet.controller.client.connection import CALL_TIMEOUT_S, Session
from benchfleet.controller.comparison.past import Past
from benchfleet.core.results import Result, loads
from benchfleet.v1 import campaign_pb2, result_pb2
from benchfleet.v1.campaign_pb2_grpc import CampaignServiceStub
from benchfleet.v1.result_pb2_grpc import ResultServiceStub

PAGE_RESULTS = 50
"""A result is a few KiB to 20 KiB; a page stays well under the 4 MiB that gRPC lets through."""


def fetch(session: Session, campaign_id: str) -> CampaignRecord:
    """The campaign by id, by the beginning of one, or `latest`; errors leave as of `client.connection`."""
    request = campaign_pb2.GetCampaignRequest(campaign_id=campaign_id)
    reply = CampaignServiceStub(session.channel).GetCampaign(request, timeout=CALL_TIMEOUT_S)
    return record(reply, _results(session, reply.campaign.id))


def record(reply: campaign_pb2.GetCampaignResponse, results: Iterator[result_pb2.Result]) -> CampaignRecord:
    """Messages to records. DocumentError: a result is of a schema that is not known here."""
    by_run = {message.attempt.run_id: message for message in results}
    campaign = reply.campaign
    return CampaignRecord(
        id=campaign.id,
        name=campaign.name,
        state=_state(campaign_pb2.CampaignState.Name(campaign.state), "CAMPAIGN_STATE_"),
        created_utc=campaign.create_time.ToDatetime().isoformat(timespec="seconds") + "Z",
        document_yaml=campaign.document_yaml,
        baseline_model=campaign.baseline_model or None,
        runs=tuple(run_record(run, by_run.get(run.id)) for run in reply.runs),
        pruned=tuple(_pruned(cell) for cell in reply.pruned),
    )


def _results(session: Session, campaign_id: str) -> Iterator[result_pb2.Result]:
    stub, page = ResultServiceStub(session.channel), ""
    while True:
        request = result_pb2.ListResultsRequest(campaign_id=campaign_id, page_size=PAGE_RESULTS, page_token=page)
        reply = stub.ListResults(request, timeout=CALL_TIMEOUT_S)
        yield from reply.results
        page = reply.next_page_token
        if not page:
            return


def run_record(run: campaign_pb2.Run, message: result_pb2.Result | None) -> RunRecord:
    """One run, with its result once there is one."""
    result = loads(message.result_json) if message is not None and message.result_json else None
    cell = run.cell
    return RunRecord(
        run_id=run.id,
        campaign_id=run.campaign_id,
        device=cell.device,
        model=cell.model,
        format=cell.format,
        precision=_precision(result),
        runtime=cell.runtime,
        threads=cell.threads,
        batch=cell.batch,
        scenario=cell.scenario,
        cell_key=cell.cell_key,
        state=_state(campaign_pb2.RunState.Name(run.state), "RUN_STATE_"),
        reason=run.reason,
        detail=run.detail,
        result=result,
        series_digest=(message.series_digest or None) if message is not None else None,
        power_mode=cell.power_mode or None,
    )


def past_record(message: result_pb2.PastResult) -> Past:
    """One result of a history."""
    result, cell = message.result, message.cell
    measured = loads(result.result_json)
    run = RunRecord(
        run_id=result.attempt.run_id,
        campaign_id=result.campaign_id,
        device=result.device,
        model=cell.model,
        format=cell.format,
        precision=_precision(measured),
        runtime=cell.runtime,
        threads=cell.threads,
        batch=cell.batch,
        scenario=cell.scenario,
        cell_key=result.cell_key,
        state="succeeded" if measured.outcome == "ok" else "failed",
        result=measured,
        series_digest=result.series_digest or None,
        power_mode=cell.power_mode or None,
    )
    return Past(run=run, campaign_name=message.campaign_name, received_utc_s=result.receive_time.ToNanoseconds() / 1e9)


def _precision(result: Result | None) -> str | None:
    model = result.cell.get("model") if result is not None else None
    found = model.get("precision") if isinstance(model, dict) else None
    return str(found) if found else None


def _pruned(cell: campaign_pb2.PlannedCell) -> dict[str, Any]:
    return {"cell_key": cell.cell_key, "device": cell.device, "model": cell.model, "reason": cell.pruned_reason}


def _state(name: str, prefix: str) -> str:
    return name.removeprefix(prefix).lower()
