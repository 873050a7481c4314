"""ResultService: what was measured, page by page."""

from __future__ import annotations

from typing import Any

from grpc.aio import ServicerContext
from sqlalchemy import Connection, select

from benchfleet.controller.servicers import history
from benchfleet.controller.servicers.campaign import resolve
from benchfleet.controller.servicers.messages import result_message
from benchfleet.controller.servicers.pages import page_size, start_of, token_after
from benchfleet.controller.store import Store
from benchfleet.controller.store import tables as t
from benchfleet.core.errors import DocumentError, NotFoundError
from benchfleet.v1 import result_pb2 as pb
from benchfleet.v1.result_pb2_grpc import ResultServiceServicer

Context = ServicerContext[Any, Any]
PAGE_BYTES_MAX = 3 * 1024 * 1024
"""Under the 4 MiB that a client takes: a page ends early when its results are large."""


class ResultServicer(ResultServiceServicer):
    """Answers operators."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def ListResults(self, request: pb.ListResultsRequest, context: Context) -> pb.ListResultsResponse:
        """In the order of the plan."""
        size, start = page_size(request.page_size), start_of(request.page_token)

        def page(connection: Connection) -> list[pb.Result]:
            query = (
                select(t.result, t.run.c.campaign, t.run.c.cell_key)
                .join(t.run, t.run.c.id == t.result.c.run)
                .where(t.run.c.campaign == resolve(connection, request.campaign_id))
                .order_by(t.run.c.ordinal, t.result.c.epoch, t.result.c.digest)
            )
            if not request.include_superseded:
                query = query.where(t.result.c.disposition == "accepted")
            return [result_message(row) for row in connection.execute(query.offset(start).limit(size + 1))]

        found = await self._store.read(page)
        kept, spent = 0, 0
        for each in found[:size]:
            spent += each.ByteSize()
            if kept and spent > PAGE_BYTES_MAX:
                break
            kept += 1
        token = token_after(start, kept, len(found) > kept)
        return pb.ListResultsResponse(results=found[:kept], next_page_token=token)

    async def ListHistory(self, request: pb.ListHistoryRequest, context: Context) -> pb.ListHistoryResponse:
        """Over all campaigns, newest first."""
        if not (request.model or request.device or request.campaign_id):
            raise DocumentError("history: a model, a device or a campaign is needed")
        size, start = page_size(request.page_size), start_of(request.page_token)
        found = await self._store.read(lambda c: history.page(c, request, start, size + 1))
        kept, spent = 0, 0
        for each in found[:size]:
            spent += each.ByteSize()
            if kept and spent > PAGE_BYTES_MAX:
                break
            kept += 1
        return pb.ListHistoryResponse(results=found[:kept], next_page_token=token_after(start, kept, len(found) > kept))

    async def GetResult(self, request: pb.GetResultRequest, context: Context) -> pb.GetResultResponse:
        """The accepted result of a run."""

        def find(connection: Connection) -> pb.Result | None:
            query = (
                select(t.result, t.run.c.campaign, t.run.c.cell_key)
                .join(t.run, t.run.c.id == t.result.c.run)
                .where(t.result.c.run == request.run_id, t.result.c.disposition == "accepted")
            )
            row = connection.execute(query).one_or_none()
            return None if row is None else result_message(row)

        result = await self._store.read(find)
        if result is None:
            raise NotFoundError(f"run {request.run_id[:64]!r}: no accepted result")
        return pb.GetResultResponse(result=result)
