"""The counts of a model file that travel with a run, out of facts that came from whoever pushed it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchfleet.core.errors import one_line

COUNTS = ("parameters", "weight_bytes", "macs", "peak_activation_bytes")
COUNT_MAX = 2**60
"""More than any count of a model; facts are the word of a client."""
REASON_CHARACTERS = 200
INPUTS_MAX = 64


def counts_of(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Each count with its reason, and the sizes that it was counted with; what is no count is left out."""
    counts: dict[str, Any] = {}
    for name in COUNTS:
        found = facts.get(name)
        if not isinstance(found, Mapping):
            continue
        value, reason = found.get("value"), found.get("reason")
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= COUNT_MAX:
            counts[name] = {"value": value, "reason": None}
        else:
            text = one_line(str(reason), limit=REASON_CHARACTERS) if reason else "the facts hold no count"
            counts[name] = {"value": None, "reason": text}
    sizes = _sizes(facts.get("counted_with"))
    return {**counts, "counted_with": sizes} if counts and sizes else counts


def _sizes(found: Any) -> dict[str, list[int | None]]:
    if not isinstance(found, Mapping) or len(found) > INPUTS_MAX:
        return {}
    return {
        str(name)[:REASON_CHARACTERS]: list(sizes)
        for name, sizes in found.items()
        if isinstance(sizes, list | tuple) and all(size is None or isinstance(size, int) for size in sizes)
    }
