"""Messages become records without losing a reason."""

from __future__ import annotations

import pytest

from benchfleet.controller.cli._records import record
from benchfleet.core.errors import DocumentError
from benchfleet.core.results import dumps
from benchfleet.v1 import campaign_pb2 as pb
from benchfleet.v1 import result_pb2
from benchfleet.v1.agent_pb2 import AttemptRef
from tests.support.campaigns import result


def reply(**run):
    cell = pb.PlannedCell(cell_key="k", model="digits:int8", format="onnx", device="pi5", threads=2, batch=1)
    found = pb.GetCampaignResponse(runs=[pb.Run(id="r", campaign_id="c", cell=cell, **run)])
    found.campaign.id, found.campaign.state = "c", pb.CAMPAIGN_STATE_COMPLETED_WITH_FAILURES
    found.campaign.create_time.FromJsonString("2026-01-02T03:04:05Z")
    found.pruned.add(cell_key="p", pruned_reason="agent-two runs one thread only")
    return found


def test_failed_run_keeps_its_reason_and_has_no_result():
    found = record(reply(state=pb.RUN_STATE_FAILED, reason="agent_lost", detail="lease expired"), iter(()))
    run = found.runs[0]
    assert (run.state, run.reason, run.detail, run.result) == ("failed", "agent_lost", "lease expired", None)
    assert (found.state, found.baseline_model, found.created_utc) == (
        "completed_with_failures",
        None,
        "2026-01-02T03:04:05Z",
    )
    assert found.pruned[0]["reason"] == "agent-two runs one thread only"


def test_result_is_joined_to_its_run_with_the_precision_it_measured():
    measured = result(cell={"model": {"name": "digits:int8", "precision": "int8"}})
    message = result_pb2.Result(attempt=AttemptRef(run_id="r"), result_json=dumps(measured), series_digest="d")
    run = record(reply(state=pb.RUN_STATE_SUCCEEDED), iter([message])).runs[0]
    assert (run.result, run.precision, run.series_digest, run.state) == (measured, "int8", "d", "succeeded")


def test_result_of_another_schema_is_refused():
    message = result_pb2.Result(attempt=AttemptRef(run_id="r"), result_json=b'{"schema": 99}')
    with pytest.raises(DocumentError, match="schema"):
        record(reply(state=pb.RUN_STATE_SUCCEEDED), iter([message]))
