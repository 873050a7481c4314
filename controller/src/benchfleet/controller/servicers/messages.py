"""Rows of results as messages."""

from __future__ import annotations

from typing import Any

from benchfleet.v1 import agent_pb2
from benchfleet.v1 import result_pb2 as pb


def result_message(row: Any) -> pb.Result:
    """A row of `result` joined with the campaign and cell key of its run."""
    accepted = row.disposition == "accepted"
    result = pb.Result(
        attempt=agent_pb2.AttemptRef(run_id=row.run, epoch=row.epoch),
        campaign_id=row.campaign,
        device=row.device,
        cell_key=row.cell_key,
        disposition=agent_pb2.DISPOSITION_ACCEPTED if accepted else agent_pb2.DISPOSITION_SUPERSEDED,
        result_digest=row.digest,
        series_digest=row.series_digest,
        result_json=row.result_json,
    )
    result.receive_time.FromNanoseconds(int(row.received_utc_s * 1e9))
    return result
