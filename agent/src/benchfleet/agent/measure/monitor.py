"""What the sampler costs the model: pairs of neighbouring rounds, one with it and one without, in random order.

They come after the rounds that count and are none of them, so that no figure lacks its readings. The pair shares the
state of the host; which of the two is first is drawn, so that a host that slows down does not look like a cost.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Sequence
from statistics import median

from benchfleet.agent.measure.telemetry import Telemetry


async def pairs(
    timed: Callable[[], Awaitable[Sequence[int]]], telemetry: Telemetry, count: int, order: random.Random
) -> list[tuple[float, float]]:
    """Medians of the calls of `count` pairs of rounds, with the sampler on and with it off; it is on afterwards."""
    found = []
    try:
        for _ in range(count):
            medians = {}
            for off in order.sample((False, True), 2):
                telemetry.pause(off)
                medians[off] = float(median(await timed()))
            found.append((medians[False], medians[True]))
    finally:
        telemetry.pause(False)
    return found
