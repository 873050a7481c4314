"""An emulated processor: how long a model takes there says how fast the emulator is, not the processor it plays."""

from __future__ import annotations

from collections.abc import Iterator

from benchfleet.agent.measure.flags import Seen, invalid
from benchfleet.core.results import Reason


def find(seen: Seen) -> Iterator[Reason]:
    """emulated."""
    told_by = str(seen.host.get("emulated", ""))
    if told_by:
        yield invalid(
            "emulated",
            f"the processor is emulated ({told_by.removeprefix('yes: ')}): measure on the device itself; what the "
            "model computes is checked all the same",
            touches=("running",),
        )
