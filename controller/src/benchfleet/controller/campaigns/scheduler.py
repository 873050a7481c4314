"""Which queued run gets which idle device, and which cannot get its own, pure.

One run per device, oldest campaign first, in the plan's order: the cells of a campaign are measured close together, so
that they are comparable, and a user can tell when a turn comes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from benchfleet.controller.campaigns.machine import Barred

OFFLINE_S = 180.0
"""A board that reboots, or an agent that is upgraded, is back before."""

ADMISSIONS = {
    "revoked": "the device was revoked; join it again, or cancel",
    "quarantined": "the device is quarantined; open it, or cancel",
    "draining": "the device is draining; open it, or cancel",
}


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


def standing(admission: str, absent_s: float | None) -> Barred | Literal["ready", "patience"]:
    """Whether runs may wait for a device; `absent_s` is how long it has had no session, None when it has one."""
    if admission != "open":
        return Barred(f"device_{admission}", ADMISSIONS[admission])
    if absent_s is None:
        return "ready"
    if absent_s < OFFLINE_S:
        return "patience"
    return Barred(
        "device_offline", f"no word of the device for {OFFLINE_S / 60:.0f} minutes; start its agent, or cancel"
    )
