"""The past of a cell from the store: results over all campaigns, without what no history reads."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, select, tuple_

from benchfleet.controller.servicers.campaign import resolve
from benchfleet.controller.servicers.messages import result_message
from benchfleet.controller.store import tables as t
from benchfleet.v1 import campaign_pb2
from benchfleet.v1 import result_pb2 as pb

UNREAD = ("rounds", "latency_ms_quantiles", "operators", "memory")
"""Of the provenance: nine tenths of a result's bytes."""


def page(connection: Connection, request: pb.ListHistoryRequest, start: int, count: int) -> list[pb.PastResult]:
    """`count` past results from `start` on, newest first."""
    query = (
        select(t.result, t.run.c.campaign, t.run.c.cell_key, t.run.c.cell, t.campaign.c.name)
        .join(t.run, t.run.c.id == t.result.c.run)
        .join(t.campaign, t.campaign.c.id == t.run.c.campaign)
        .where(t.result.c.disposition == "accepted")
        .order_by(t.result.c.received_utc_s.desc(), t.result.c.run)
    )
    if request.device:
        query = query.where(t.run.c.device == request.device)
    if request.model:
        ends = "/" if ":" in request.model else ":"
        query = query.where(t.run.c.cell_key.startswith(request.model + ends, autoescape=True))
    if request.campaign_id:
        these = select(t.run.c.device, t.run.c.cell_key).where(
            t.run.c.campaign == resolve(connection, request.campaign_id)
        )
        query = query.where(tuple_(t.run.c.device, t.run.c.cell_key).in_(these))
    return [_past(row, request.metrics) for row in connection.execute(query.offset(start).limit(count))]


def _past(row: Any, metrics: Collection[str]) -> pb.PastResult:
    result = result_message(row)
    result.result_json = slim(row.result_json, metrics)
    return pb.PastResult(result=result, cell=campaign_pb2.PlannedCell.FromString(row.cell), campaign_name=row.name)


def slim(payload: bytes, metrics: Collection[str]) -> bytes:
    """A result without its series and without metrics that were not asked for; other bytes as they are."""
    try:
        data = json.loads(payload)
        data["provenance"] = {k: v for k, v in data["provenance"].items() if k not in UNREAD}
        if metrics:
            data["metrics"] = {k: v for k, v in data["metrics"].items() if k in metrics}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return payload
    return json.dumps(data, separators=(",", ":")).encode()
