"""Sizes of inputs as an operator writes them: `--shape input=1x3x224x224`, once for each input."""

from __future__ import annotations

from collections.abc import Iterable

from benchfleet.core.errors import DocumentError
from benchfleet.core.runspec import parse_shape


def parse_shapes(texts: Iterable[str]) -> dict[str, tuple[int, ...]]:
    """By input; DocumentError for what is no size."""
    return dict(_parse(text) for text in texts)


def _parse(text: str) -> tuple[str, tuple[int, ...]]:
    name, _, sizes = text.rpartition("=")
    try:
        if not name:
            raise ValueError("write INPUT=SIZES, like input=1x3x224x224")
        return name, parse_shape(sizes)
    except ValueError as error:
        raise DocumentError(f"--shape {text[:80]}: {error}") from error
