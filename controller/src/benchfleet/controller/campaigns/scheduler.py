"""Which queued run gets which idle device, pure: one run per device, oldest campaign first, in the plan's order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A queued run and where it stands."""

    run_id: str
    device: str
    campaign_order: float
    ordinal: int


def assign(waiting: Iterable[Waiting], idle: Sequence[str]) -> list[Waiting]:
    """At most one run per idle device."""
    free = set(idle)
    chosen = []
    for run in sorted(waiting, key=lambda w: (w.campaign_order, w.ordinal, w.run_id)):
        if run.device in free:
            free.discard(run.device)
            chosen.append(run)
    return chosen
