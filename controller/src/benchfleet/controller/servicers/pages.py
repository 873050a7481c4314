"""Opaque page tokens: where the next page begins, nothing a client could build on."""

from __future__ import annotations

import base64
import binascii

from benchfleet.core.errors import DocumentError

PAGE_SIZE = 100
PAGE_SIZE_MAX = 1000


def page_size(asked: int) -> int:
    """The size of a page; DocumentError when negative."""
    if asked < 0:
        raise DocumentError("page_size: is not negative")
    return min(asked or PAGE_SIZE, PAGE_SIZE_MAX)


def start_of(token: str) -> int:
    """The offset in a page token; DocumentError when it is not one of ours."""
    if not token:
        return 0
    try:
        return max(0, int(base64.urlsafe_b64decode(token.encode()).decode()))
    except (binascii.Error, ValueError) as error:
        raise DocumentError("page_token: is not one of this service; start without") from error


def token_after(start: int, size: int, more: bool) -> str:
    """The token of the page that follows; empty at the end."""
    return base64.urlsafe_b64encode(str(start + size).encode()).decode() if more else ""
