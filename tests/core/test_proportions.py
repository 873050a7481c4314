"""Intervals hold what they promise, and only disagreement widens that of a paired difference."""

from __future__ import annotations

import random

import pytest

from benchfleet.core.proportions import REPLICATES, mean_interval, paired_shares, percentile_interval, resamples, wilson


def test_wilson_is_the_textbook_s():
    assert wilson(9, 10) == pytest.approx((0.5958, 0.9821), abs=1e-4)
    assert wilson(0, 10)[0] == pytest.approx(0, abs=1e-15)
    with pytest.raises(ValueError, match="at least one"):
        wilson(0, 0)


def test_a_paired_difference_covers_what_it_estimates():
    """Bonett and Price: 95 % nominal; 2,000 seeded draws of 200 samples leave a standard error of half a point."""
    source = random.Random(4)
    held = 0
    for _ in range(2000):
        pairs = [(source.random() < 0.9, source.random()) for _ in range(200)]
        theirs = [float(right) for right, _ in pairs]
        ours = [float(right and u > 0.03) for right, u in pairs]  # loses 3 % of what was right
        low, high = paired_shares(theirs, ours)
        held += low <= 0.9 * 0.03 <= high
    assert 0.93 <= held / 2000 <= 1.0


def test_pairing_narrows_what_two_independent_intervals_would_say():
    theirs = [1.0] * 450 + [0.0] * 50
    ours = [1.0] * 449 + [0.0] * 51
    low, high = paired_shares(theirs, ours)
    assert high - low < (wilson(450, 500)[1] - wilson(450, 500)[0]) / 3
    assert low < 1 / 500 < high


def test_resamples_are_the_same_for_every_model():
    assert resamples(30) == resamples(30)
    assert len(resamples(30)) == REPLICATES
    assert percentile_interval([float(i) for i in range(200)]) == (5.0, 194.0)
    assert percentile_interval([1.0] * 10) is None


def test_one_value_has_no_interval():
    assert mean_interval([1.0]) is None
    low, high = mean_interval([1.0, 2.0, 3.0])
    assert (low + high) / 2 == pytest.approx(2)
