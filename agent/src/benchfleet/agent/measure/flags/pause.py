"""Time in which the runner or the whole machine stood still while a call was under way."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median

from benchfleet.agent.measure.flags import Seen, degraded
from benchfleet.core.results import Reason

GAP_S = 0.1
AGENT_GAP_S = 0.5
"""Of the agent itself: it is not what is measured, but sensors are not read meanwhile."""


def find(seen: Seen) -> Iterator[Reason]:
    """pause."""
    suspended_s, agent_s = seen.host.get("suspended_s", 0.0), seen.host.get("agent_gap_s", 0.0)
    gaps_s = [
        (max(r.wall_ns) - median(r.wall_ns)) * 1e-9 for r in seen.evidence.model.rounds if r.stops and len(r.wall_ns)
    ]
    longest_s = max(gaps_s, default=0.0)
    if suspended_s > GAP_S:
        yield degraded(
            "pause", f"the machine was suspended for {suspended_s:.1f} s meanwhile: keep it awake, run again"
        )
    elif longest_s > GAP_S:
        yield degraded(
            "pause",
            f"the runner was stopped for {longest_s:.1f} s within a call (SIGSTOP): it is in the tail; run again",
        )
    elif agent_s > AGENT_GAP_S:
        yield degraded("pause", f"the agent did not run for {agent_s:.1f} s: sensor readings are missing; run again")
