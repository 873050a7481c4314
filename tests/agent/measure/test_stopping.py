"""A launch ends when its intervals are narrow enough, and not because its last rounds agree."""

from __future__ import annotations

import random

from benchfleet.agent.measure.profiles import PROFILES
from benchfleet.agent.measure.stopping import enough

STANDARD, GATE = PROFILES["standard"], PROFILES["gate"]


def rounds(count, calls, *, spread=0.001, level=lambda i: 1.0, seed=1):
    source = random.Random(seed)
    return [tuple(int(level(i) * 1e6 * source.gauss(1, spread)) for _ in range(calls)) for i in range(count)]


def test_steady_rounds_are_enough_and_one_unsteady_lane_is_not():
    assert enough([rounds(20, 50)], STANDARD)
    assert not enough([rounds(20, 50), rounds(20, 50, level=lambda i: 1 + 0.2 * (i % 2))], STANDARD)


def test_a_plateau_at_the_end_is_not_enough():
    assert not enough([rounds(20, 50, level=lambda i: 1.3 if i < 11 else 1.0)], STANDARD)


def test_one_round_is_never_enough():
    assert not enough([rounds(1, 1000)], STANDARD)


def test_a_gate_asks_for_as_many_calls_as_loadgen_would_and_for_a_narrow_tail():
    assert not enough([rounds(20, 33)], GATE)
    assert enough([rounds(20, 34)], GATE)
    source = random.Random(2)
    spiky = [tuple(x * source.choice((2, 3, 9)) if source.random() < 0.02 else x for x in r) for r in rounds(20, 50)]
    assert enough([spiky], STANDARD)
    assert not enough([spiky], GATE)
