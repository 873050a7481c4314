"""A power mode or governor that somebody changed during the run, or that an earlier run left behind."""

from __future__ import annotations

from collections.abc import Iterator

from benchfleet.agent.measure.flags import Seen, degraded, invalid
from benchfleet.core.results import Reason


def find(seen: Seen) -> Iterator[Reason]:
    """power_mode_changed."""
    if changed := seen.host.get("power_mode_changed"):
        yield invalid(
            "power_mode_changed",
            f"{'; '.join(changed)}, by somebody else while this was measured; find out who sets it, and measure again",
            touches=("running",),
        )
    elif left := seen.host.get("power_mode_left"):
        yield degraded("power_mode_changed", f"the device is not set as its owner left it: {left}")
