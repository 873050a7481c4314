"""Names, checked before anything is read or sent."""

from __future__ import annotations

import re

from benchfleet.core.errors import DocumentError

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
_CHARACTERS = "a-z, 0-9, '.', '_' and '-', at most 63"


def check_model(text: str) -> str:
    """NAME:TAG, or DocumentError."""
    name, _, tag = text.partition(":")
    if not _NAME.fullmatch(name) or not _NAME.fullmatch(tag):
        raise DocumentError(f"model name {text[:80]!r}: write NAME:TAG of {_CHARACTERS}, like digits:int8")
    return text


def check_name(text: str, what: str) -> str:
    """A plain name, or DocumentError."""
    if not _NAME.fullmatch(text):
        raise DocumentError(f"{what} name {text[:80]!r}: use {_CHARACTERS}")
    return text
