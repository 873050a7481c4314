"""A fake is never taken for a measurement."""

from __future__ import annotations

from collections.abc import Iterator

from benchfleet.agent.measure.flags import Seen, degraded
from benchfleet.core.results import Reason


def find(seen: Seen) -> Iterator[Reason]:
    """simulated."""
    facts = [launch.facts for launch in seen.evidence.model.launches]
    board = next((each["simulated_board"] for each in facts if each.get("simulated_board")), None)
    if board is not None:
        yield degraded(
            "simulated",
            f"no {board} was there: the model ran on another host, its latency, power and heat are made up",
        )
    elif any(each.get("simulated") for each in facts):
        yield degraded(
            "simulated", "the runtime ran no model: these numbers measure the harness or a made-up load, no engine"
        )
