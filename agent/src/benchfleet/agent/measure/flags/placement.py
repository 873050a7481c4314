"""A model that does not run where, or as precisely as, it was thought to: the numbers are of something else."""

from __future__ import annotations

from collections.abc import Iterator

from benchfleet.agent.measure.flags import Seen, degraded
from benchfleet.core.results import Reason

_BITS = {"f32": 32, "f16": 16, "bf16": 16}


def find(seen: Seen) -> Iterator[Reason]:
    """partial_placement, reduced_precision."""
    share, launches = seen.number("placement_share"), seen.evidence.model.launches
    facts = launches[0].facts if launches else {}
    if share is not None and share < 1 and facts.get("placement_required") is None:
        found = facts["placement"]
        others = ", ".join(f"{name} {part:.0%}" for name, part in found["nodes"].items() if name != found["asked"])
        yield degraded(
            "partial_placement",
            f"{share:.0%} of the nodes run on {found['asked']}, the rest on {others}: if that is as meant, "
            f"say how much is enough with the option require_placement",
        )
    took, given = facts.get("execution_precision"), facts.get("weight_precision")
    if facts.get("precision_asked") is None and _BITS.get(str(took), 32) < _BITS.get(str(given), 0):
        yield degraded(
            "reduced_precision",
            f"the engine computes {given} weights in {took} without being asked: its speed and its outputs are not "
            f"those of {given}; set the option precision to one of the two",
        )
