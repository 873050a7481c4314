"""Past results from the controller, page by page, newest first and bounded."""

from __future__ import annotations

from collections.abc import Sequence

from benchfleet.controller.cli._records import past_record
from benchfleet.controller.client.connection import CALL_TIMEOUT_S, Session
from benchfleet.controller.comparison.past import REFERENCES, Past
from benchfleet.v1.result_pb2 import ListHistoryRequest
from benchfleet.v1.result_pb2_grpc import ResultServiceStub

PAGE = 200
RESULTS_MAX = 2000
"""Of one question, at about 2 KiB each: forty cells with fifty campaigns."""


def fetch(
    session: Session,
    metrics: Sequence[str],
    *,
    model: str = "",
    device: str = "",
    campaign: str = "",
    limit: int = RESULTS_MAX,
) -> list[Past]:
    """The newest results of what is named, at most `limit`."""
    stub, found, page = ResultServiceStub(session.channel), dict[str, Past](), ""
    wanted = list(dict.fromkeys([*metrics, *REFERENCES]))
    while len(found) < limit:
        request = ListHistoryRequest(
            model=model, device=device, campaign_id=campaign, metrics=wanted, page_size=PAGE, page_token=page
        )
        reply = stub.ListHistory(request, timeout=CALL_TIMEOUT_S)
        for each in reply.results:
            found[each.result.attempt.run_id] = past_record(each)
        page = reply.next_page_token
        if not page:
            break
    return list(found.values())[:limit]
