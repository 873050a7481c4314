"""Calls so short that calling them is part of the number."""

from __future__ import annotations

from collections.abc import Iterator

from benchfleet.agent.measure.flags import Seen, degraded
from benchfleet.core.results import Reason

SHORT_MS = 0.5
OVERHEAD_SHARE = 0.01


def find(seen: Seen) -> Iterator[Reason]:
    """overhead_significant."""
    p50, overhead = seen.number("latency_ms_p50"), seen.number("harness_overhead_us")
    if p50 is not None and p50 < SHORT_MS and (overhead is None or overhead / 1e3 > OVERHEAD_SHARE * p50):
        cost = "costs an unknown share of it" if overhead is None else f"alone takes {overhead:.1f} us"
        yield degraded(
            "overhead_significant",
            f"p50 is {p50:.3f} ms and calling the runtime {cost}: compare such short models by ratio, not by value",
        )
