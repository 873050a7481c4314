"""A sampler that took time from the model, or came late and saw too little."""

from __future__ import annotations

from collections.abc import Iterator

from benchfleet.agent.measure.flags import Seen, degraded
from benchfleet.core.results import Reason

SAMPLER_CPU = 0.005
SAMPLER_LATE = 0.05


def find(seen: Seen) -> Iterator[Reason]:
    """sampler_overrun."""
    cost = seen.number("sampler_cpu_ratio")
    if cost is not None and cost > SAMPLER_CPU:
        yield degraded("sampler_overrun", f"sampling took {cost:.1%} of a CPU: read fewer sensors")
    late = seen.number("sampler_late_ratio")
    if late is not None and late > SAMPLER_LATE:
        yield degraded(
            "sampler_overrun", f"{late:.0%} of sensor samples came over a period late: peaks between them went unseen"
        )
