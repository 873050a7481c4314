"""A fake is never taken for a measurement."""

from __future__ import annotations

from collections.abc import Iterator

from benchfleet.agent.measure.flags import Seen, degraded
from benchfleet.core.results import Reason


def find(seen: Seen) -> Iterator[Reason]:
    """simulated."""
    if any(launch.facts.get("simulated") for launch in seen.evidence.model.launches):
        yield degraded(
            "simulated", "the runtime ran no model: these numbers measure the harness or a made-up load, no engine"
        )
