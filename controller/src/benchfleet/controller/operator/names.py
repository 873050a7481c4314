"""Names, checked before anything is read or sent."""

from __future__ import annotations

from benchfleet.controller.names import NAME
from benchfleet.core.errors import DocumentError

_CHARACTERS = "a-z, 0-9, '.', '_' and '-', at most 63"


def check_model(text: str) -> str:
    """NAME:TAG, or DocumentError."""
    name, _, tag = text.partition(":")
    if not NAME.fullmatch(name) or not NAME.fullmatch(tag):
        raise DocumentError(f"model name {text[:80]!r}: write NAME:TAG of {_CHARACTERS}, like digits:int8")
    return text


def check_name(text: str, what: str) -> str:
    """A plain name, or DocumentError."""
    if not NAME.fullmatch(text):
        raise DocumentError(f"{what} name {text[:80]!r}: use {_CHARACTERS}")
    return text
