"""When a launch has been measured enough: by the width of its intervals, never by how alike its last windows are.

A plateau can be the wrong one: windows that agree, or a small deviation, say nothing about the rest of the time.
"""

from __future__ import annotations

from collections.abc import Sequence

from benchfleet.agent.measure.profiles import Profile
from benchfleet.core import statistics
from benchfleet.core.early_stopping import loadgen_grade

TAIL = 0.99


def enough(lanes: Sequence[Sequence[Sequence[int]]], plan: Profile) -> bool:
    """Whether every lane's median is known as well as the profile asks, and its p99 where the profile asks for one.

    `lanes` holds each lane's rounds of nanoseconds, in order of time. Sorts them all: not for the timed region.
    """
    return all(_median_known(rounds, plan.half_width) and _tail_known(rounds, plan) for rounds in lanes)


def _median_known(rounds: Sequence[Sequence[int]], target: float) -> bool:
    half = statistics.relative_half_width(statistics.median_of_rounds(rounds))
    return half is not None and half <= target


def _tail_known(rounds: Sequence[Sequence[int]], plan: Profile) -> bool:
    if plan.tail_half_width is None:
        return True
    estimate = statistics.tail_of_rounds(rounds, TAIL)
    if estimate is None or not loadgen_grade(estimate.n, TAIL):
        return False
    half = statistics.relative_half_width(estimate)
    return half is not None and half <= plan.tail_half_width
