"""Ratios of synthetic rounds whose truth is known: how often the interval holds it, and how often a claim is wrong."""

from __future__ import annotations

import math
import random

import pytest

from benchfleet.core.ratios import LAUNCH_SD, RoundMedian, apart, paired, round_time, t_of
from benchfleet.core.statistics import t_quantile_975

CAMPAIGNS = 400
SLACK = 0.03
"""Three standard deviations of a share of 5 % in 400 campaigns."""


def rounds(rng, *, launches, per_launch, factor=1.0, shared=None, launch_sd=0.0, round_sd=0.005, phi=0.0):
    """Rounds of one model. `shared` holds what the host did to every round, as logs by (launch, index)."""
    made = []
    for launch in range(launches):
        offset, x = rng.gauss(0, launch_sd), rng.gauss(0, round_sd)
        for index in range(per_launch):
            x = phi * x + math.sqrt(1 - phi * phi) * rng.gauss(0, round_sd)
            host = shared[launch, index] if shared else 0.0
            made.append(RoundMedian(launch=launch, index=index, median_ns=1e6 * factor * math.exp(offset + x + host)))
    return made


def weather(rng, launches, per_launch):
    """A host that wanders by a tenth within a campaign, as an AR(1)."""
    x, found = 0.0, {}
    for key in ((i, j) for i in range(launches) for j in range(per_launch)):
        x = 0.9 * x + rng.gauss(0, 0.04)
        found[key] = x
    return found


def claimed(effect):
    """What `compare` would say: the interval excludes 1 and the effect is at least 2 %."""
    return not effect.ci95[0] <= 1.0 <= effect.ci95[1] and abs(effect.ratio - 1) >= 0.02


@pytest.mark.parametrize("factor", [1.0, 1.03])
@pytest.mark.parametrize("phi", [0.0, 0.5])
@pytest.mark.parametrize(("launches", "per_launch"), [(1, 20), (2, 20), (3, 20), (3, 60), (5, 20)])
def test_the_paired_interval_holds_the_truth_as_often_as_it_says(launches, per_launch, phi, factor):
    rng, held = random.Random(f"{launches}/{per_launch}/{phi}/{factor}"), 0
    for _ in range(CAMPAIGNS):
        host = weather(rng, launches, per_launch)
        how = {"launches": launches, "per_launch": per_launch, "shared": host, "phi": phi}
        # Each of two models has a launch of its own: the ratio's spread is the larger by a square root of two.
        spread = LAUNCH_SD / math.sqrt(2)
        effect = paired(rounds(rng, factor=factor, launch_sd=spread, **how), rounds(rng, launch_sd=spread, **how))
        held += effect.ci95[0] <= factor <= effect.ci95[1]
    assert held / CAMPAIGNS >= 0.95 - SLACK


@pytest.mark.parametrize("launches", [1, 2])
def test_few_launches_of_rounds_that_drag_are_not_taken_for_many_rounds(launches):
    rng, held = random.Random(f"drag/{launches}"), 0
    for _ in range(CAMPAIGNS):
        how = {"launches": launches, "per_launch": 40, "phi": 0.7, "round_sd": 0.04}
        effect = paired(rounds(rng, **how), rounds(rng, **how))
        held += effect.ci95[0] <= 1.0 <= effect.ci95[1]
    assert held / CAMPAIGNS >= 0.90


@pytest.mark.parametrize(
    ("launches", "launch_sd"), [(1, 0.0), (1, LAUNCH_SD), (3, 0.0), (3, 0.02), (5, 0.0), (5, 0.02)]
)
def test_equal_models_are_called_different_in_at_most_one_campaign_of_twenty(launches, launch_sd):
    rng = random.Random(f"equal/{launches}/{launch_sd}")
    wrong = 0
    for _ in range(CAMPAIGNS):
        how = {"launches": launches, "per_launch": 20, "shared": weather(rng, launches, 20), "phi": 0.5}
        spread = launch_sd / math.sqrt(2)
        wrong += claimed(paired(rounds(rng, launch_sd=spread, **how), rounds(rng, launch_sd=spread, **how)))
    assert wrong / CAMPAIGNS <= 0.05


def test_a_slowdown_of_three_percent_is_found_when_launches_are_steady():
    rng, found = random.Random(3), 0
    for _ in range(CAMPAIGNS):
        how = {"launches": 3, "per_launch": 20, "shared": weather(rng, 3, 20)}
        found += claimed(paired(rounds(rng, factor=1.03, launch_sd=0.002, **how), rounds(rng, launch_sd=0.002, **how)))
    assert found / CAMPAIGNS >= 0.9


def test_rounds_apart_do_not_find_what_rounds_side_by_side_find():
    rng = random.Random(4)
    host = weather(rng, 3, 20)
    how = {"launches": 3, "per_launch": 20, "launch_sd": 0.002}
    ours, theirs = rounds(rng, factor=1.05, shared=host, **how), rounds(rng, shared=host, **how)
    beside, alone = paired(ours, theirs), apart(ours, theirs)
    assert claimed(beside)
    assert not claimed(alone)
    assert alone.ci95[1] / alone.ci95[0] > beside.ci95[1] / beside.ci95[0]


@pytest.mark.parametrize("launches", [1, 3])
def test_one_model_measured_on_two_days_is_rarely_called_different(launches):
    rng, wrong = random.Random(f"days/{launches}"), 0
    for _ in range(CAMPAIGNS):
        sides = []
        for _day in range(2):
            how = {"launches": launches, "per_launch": 20, "launch_sd": 0.007, "phi": 0.5}
            sides.append(rounds(rng, factor=math.exp(rng.gauss(0, 0.025)), **how))
        wrong += claimed(apart(*sides))
    assert wrong / CAMPAIGNS <= 0.05


def test_rounds_are_paired_by_launch_and_index_and_not_by_order():
    ours = [RoundMedian(launch=0, index=i, median_ns=100.0 + 50 * i) for i in range(4)]
    theirs = [RoundMedian(launch=0, index=i, median_ns=50.0 + 25 * i) for i in reversed(range(1, 4))]
    effect = paired(ours, theirs)
    assert effect.n == 3
    assert effect.ratio == pytest.approx(2.0)


def test_no_common_round_is_no_ratio_and_one_is_no_interval():
    ours = [RoundMedian(launch=0, index=0, median_ns=2.0), RoundMedian(launch=1, index=0, median_ns=2.0)]
    assert paired(ours, [RoundMedian(launch=0, index=1, median_ns=1.0)]) is None
    assert paired(ours, [RoundMedian(launch=0, index=0, median_ns=1.0)]).ci95 is None
    assert paired(ours, [RoundMedian(launch=0, index=0, median_ns=0.0)]) is None
    assert apart(ours, []) is None
    assert apart(ours[:1], ours[:1]).ci95 is None


def test_rounds_that_resemble_their_neighbours_count_for_less():
    rng = random.Random(5)
    fresh = [[rng.gauss(0, 1) for _ in range(400)]]
    dragging, x = [], 0.0
    for value in fresh[0]:
        x = 0.8 * x + value
        dragging.append(x)
    assert round_time(fresh) < 1.3
    assert round_time([dragging]) == pytest.approx(9.0, rel=0.3)
    assert round_time([[1.0, 1.0, 1.0]]) == 1.0


def test_t_of_a_broken_number_of_degrees_lies_between_its_neighbours():
    assert t_quantile_975(4) < t_of(3.5) < t_quantile_975(3)
    assert t_of(0.2) == t_quantile_975(1)
