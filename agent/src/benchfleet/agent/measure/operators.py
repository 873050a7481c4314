"""The profile pass: one more runner after the rounds, whose times are never a latency."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchfleet.agent.measure.lane import Lane, LaneFault

SPAN_S = 1.0
LIMIT_S = 60.0
"""Of the whole pass, loading included: an attempt is not held up for what is said beside its numbers."""


async def profile_pass(lane: Lane, within_s: Callable[[float], float]) -> dict[str, Any]:
    """What runner/operators.py found, or the `reason` why there is nothing; a fault here is none of the run's."""
    try:
        await lane.start(within_s(LIMIT_S))
        found = await lane.command("profile", within_s(LIMIT_S), LIMIT_S, span_s=SPAN_S)
        await lane.stop()
    except LaneFault as fault:
        if fault.reason == "no_operators":
            return {"reason": fault.detail[:500]}
        return {"reason": f"the profile pass failed ({fault.reason}): {fault.detail}"[:500]}
    except OSError as error:
        return {"reason": f"the profile pass could not start ({error.strerror})"}
    finally:
        await lane.kill()
    del found["event"]
    return found
