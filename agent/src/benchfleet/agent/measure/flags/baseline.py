"""A baseline that was asked for and is not there: the cell keeps its own numbers, and nothing to compare them with."""

from __future__ import annotations

from collections.abc import Iterator

from benchfleet.agent.measure.flags import Seen, degraded
from benchfleet.core.results import Reason


def find(seen: Seen) -> Iterator[Reason]:
    """`baseline_failed`, with the model and how it failed."""
    if seen.evidence.baseline_fault:
        yield degraded("baseline_failed", f"there is nothing to compare with: baseline {seen.evidence.baseline_fault}")
