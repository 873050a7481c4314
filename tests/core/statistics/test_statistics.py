"""Quantiles, floors and intervals: exact where they are defined, and covering what they claim."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as some

from benchfleet.core import statistics as st


def test_the_quantile_is_the_order_statistic_at_ceil():
    assert [st.quantile(list(range(1, 11)), q) for q in (0.0, 0.1, 0.5, 0.9, 0.91, 1.0)] == [1, 1, 5, 9, 10, 10]


@given(some.lists(some.integers(1, 10**9), min_size=1), some.floats(0, 1))
def test_a_quantile_is_one_of_the_samples(samples, q):
    assert st.quantile(sorted(samples), q) in samples


@pytest.mark.parametrize(("degrees", "t"), [(1, 12.706), (2, 4.303), (4, 2.776), (9, 2.262), (19, 2.093), (59, 2.001)])
def test_t_is_the_table_s(degrees, t):
    assert st.t_quantile_975(degrees) == pytest.approx(t, rel=0.006)


def test_a_tail_below_its_floor_is_not_estimated():
    assert st.tail([1.0] * 367, 0.99) is None
    assert st.tail([1.0] * 368, 0.99) is not None


def test_the_interval_of_the_median_covers_the_truth():
    source = random.Random(11)
    hits = 0
    for _ in range(200):
        rounds = []
        for _ in range(20):
            shift = source.gauss(0, 0.05)
            rounds.append([100 * 2.718281828 ** (shift + source.gauss(0, 0.02)) for _ in range(20)])
        low, high = st.median_of_rounds(rounds).ci95
        hits += low <= 100 <= high
    assert hits >= 180


def test_autocorrelation_widens_the_interval_of_a_tail():
    source = random.Random(3)
    level, slow = 0.0, []
    for _ in range(2000):
        level = 0.9 * level + source.gauss(0, 1)
        slow.append(10 + level)
    fast = slow[:]
    source.shuffle(fast)
    wide, narrow = st.tail(slow, 0.9).ci95, st.tail(fast, 0.9).ci95
    assert wide[1] - wide[0] > 1.5 * (narrow[1] - narrow[0])


def test_batches_and_lags_agree_on_the_autocorrelation_time():
    source = random.Random(5)
    level, series = 0.0, []
    for _ in range(40_000):
        level = 0.8 * level + source.gauss(0, 1)
        series.append(level)
    assert st.autocorrelation_time(series) == pytest.approx(9, rel=0.5)
    assert st.autocorrelation_time(series[:10_000]) == pytest.approx(9, rel=0.5)
