"""Rounds that are too few, disagree, or leave the median too wide."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median

from benchfleet.agent.measure.flags import Seen, degraded, invalid
from benchfleet.core import statistics
from benchfleet.core.results import Reason

SPREAD_Q90_Q10 = 1.2
SAMPLES_FEW = 368
"""Below, a p99 has no finite interval and is not printed."""


def find(seen: Seen) -> Iterator[Reason]:
    """too_few_samples, unstable, ci_target_not_met."""
    rounds = [r.wall_ns for r in seen.evidence.model.rounds]
    if not rounds:
        yield invalid("too_few_samples", "no round was measured")
        return
    count = sum(len(r) for r in rounds)
    if count < SAMPLES_FEW:
        yield degraded("too_few_samples", f"{count} calls give no p99, which needs {SAMPLES_FEW}: use a longer profile")
    medians = sorted(float(median(r)) for r in rounds)
    spread = statistics.quantile(medians, 0.9) / statistics.quantile(medians, 0.1)
    if spread > SPREAD_Q90_Q10:
        yield degraded(
            "unstable", f"round medians spread by x{spread:.2f}: the host changed speed; run again or longer"
        )
    target = seen.profile.half_width
    half = statistics.relative_half_width(statistics.median_of_rounds(rounds))
    if half is None or half > target:
        got = "unknown" if half is None else f"±{half:.1%}"
        yield degraded("ci_target_not_met", f"interval of the median is {got}, the target ±{target:.0%}")
