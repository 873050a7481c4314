"""How long a cell takes: an estimate from its profile, for a plan and a progress display, not for a deadline."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

LAUNCH_S = 1.5
"""A runner process comes up and loads a small model."""

SETTLE_S = {"quick": 1.0, "standard": 5.0, "gate": 10.0}
LAUNCHES = {"quick": 1, "standard": 3, "gate": 5}
MEASURED_S = {"quick": 1.6, "standard": 8.0, "gate": 10.0}
"""Warm-up and rounds of one lane of one launch, when one call is short."""

CALLS_MIN = {"quick": 220, "standard": 420, "gate": 420}
"""Rounds x calls that a launch makes at the least, however long one takes."""

MACS_PER_S = 5e9
"""Of one thread of a small board; only the order matters."""


def estimate_s(*, profile: str, lanes: int, batch: int, threads: int, facts: Mapping[str, Any]) -> float:
    """Seconds for one attempt; facts that do not say how many MACs a sample takes count as a small model."""
    macs = facts.get("macs")
    count = macs.get("value") if isinstance(macs, Mapping) else None
    call_s = float(count) * batch / (MACS_PER_S * threads) if isinstance(count, (int, float)) and count > 0 else 0.0
    lane_s = LAUNCH_S + max(MEASURED_S[profile], CALLS_MIN[profile] * call_s)
    return round(SETTLE_S[profile] + LAUNCHES[profile] * lanes * lane_s, 1)
