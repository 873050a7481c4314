"""Every page of a list."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from benchfleet.controller.client.connection import CALL_TIMEOUT_S

PAGE = 200


def every(call: Callable[..., Any], request: Callable[..., Any], field: str, **fields: Any) -> Iterator[Any]:
    """The items of `field` over all pages of a paginated call."""
    token = ""
    while True:
        reply = call(request(page_size=PAGE, page_token=token, **fields), timeout=CALL_TIMEOUT_S)
        yield from getattr(reply, field)
        token = reply.next_page_token
        if not token:
            return
