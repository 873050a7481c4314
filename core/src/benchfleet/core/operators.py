"""The profile pass of a result as a person reads it: the operators that take most of a call."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from benchfleet.core.errors import one_line

SHOWN = 10


def operator_lines(found: dict[str, Any] | None, shown: int = SHOWN) -> Iterator[str]:
    """A line each, the longest first; the reason where there are none, nothing where none were asked for."""
    if found is None:
        return
    if "reason" in found:
        yield f"{'operators':26} not profiled: {one_line(str(found['reason']))}"
        return
    yield (
        f"{'operators':26} {found['operators']} in {found['runs']} profiled calls of {found['call_us']:.0f} us; "
        "shares of time, not latencies"
    )
    for row in found["top"][:shown]:
        name = one_line(f"{row['kind']} {row['name']}", limit=100)
        yield f"  {row['share']:6.1%} {row['median_us']:9.1f} us  {name} ({one_line(row['provider'], limit=40)})"
