"""Quantiles, floors and intervals: exact where they are defined, and covering what they claim."""

import random
from fractions import Fraction

import pytest
from hypothesis import given, settings
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


@pytest.mark.parametrize(("q", "floor"), [(0.9, 36), (0.95, 72), (0.99, 368), (0.999, 3688)])
def test_the_floor_is_where_the_longest_call_first_bounds_the_quantile(q, floor):
    assert st.sample_floor(q) == floor
    assert q**floor <= 0.025 < q ** (floor - 1)


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


@settings(max_examples=30)
@given(some.lists(some.integers(1, 10**6), min_size=368, max_size=400))
def test_a_tail_s_interval_holds_its_value_and_is_made_of_samples(samples):
    found = st.tail(samples, 0.99)
    assert found.ci95[0] <= found.value <= found.ci95[1]
    assert set(found.ci95) <= set(samples)
    assert 0 < found.independent_n <= found.n


@given(some.lists(some.lists(some.integers(1, 10**6), min_size=1, max_size=5), min_size=1, max_size=60))
def test_a_median_s_interval_holds_its_value(rounds):
    found = st.median_of_rounds(rounds)
    assert found.n == sum(map(len, rounds))
    assert (found.ci95 is None) == (len(rounds) < 2 or found.n < 6)
    assert found.ci95 is None or found.ci95[0] <= found.value <= found.ci95[1]


@given(some.lists(some.floats(1, 1e6), min_size=1, max_size=50), some.floats(0.5, 100))
def test_spread_scales_with_the_series_and_is_zero_for_equal_calls(series, by):
    scaled = [x * by for x in series]
    for spread in (st.standard_deviation, st.median_absolute_deviation):
        assert spread(scaled) == pytest.approx(by * spread(series), rel=1e-6, abs=1e-6)
        assert spread([series[0]] * 5) == pytest.approx(0, abs=1e-6)


def test_one_outlier_moves_the_standard_deviation_and_not_the_mad():
    calm = [100.0 + i % 5 for i in range(101)]
    wild = [*calm[:-1], 10_000.0]
    assert st.median_absolute_deviation(wild) == st.median_absolute_deviation(calm) == 1.0
    assert st.standard_deviation(wild) > 100 * st.standard_deviation(calm)


@given(some.lists(some.booleans(), min_size=2, max_size=120))
def test_the_autocorrelation_time_is_the_sum_that_its_definition_says(indicator):
    n, mean = len(indicator), Fraction(sum(indicator), len(indicator))
    centred = [x - mean for x in indicator]
    variance = sum(x * x for x in centred)
    tau, lag, exact = Fraction(1), 0, set()
    for lag in range(1, n if variance else 1):
        tau += 2 * sum(a * b for a, b in zip(centred, centred[lag:], strict=False)) / variance
        if lag >= 5 * tau - Fraction(1, 10**9):
            exact.add(lag)
        if lag > 5 * tau + Fraction(1, 10**9):
            break
    found, with_error = st.autocorrelation_time(indicator)
    assert with_error >= found >= 1
    if len(exact) <= 1:  # else the window ends where rounding decides
        assert found == pytest.approx(float(max(1, tau * (1 + Fraction(2 * lag + 1, n)))) if variance else 1.0)


def test_a_tail_of_one_sample_repeated_is_that_sample_and_worth_all_its_calls():
    found = st.tail([7] * 1000, 0.99)
    assert (found.value, found.ci95, found.independent_n) == (7, (7, 7), 1000)


def test_slow_drift_makes_many_calls_worth_few():
    found = st.tail([1000 + i for i in range(4000)], 0.9)
    assert found.independent_n < 40


def test_more_rounds_than_blocks_are_judged_by_blocks_of_neighbours():
    slow_and_fast = [100.0] * 30 + [110.0] * 30
    blocked, plain = st.interval_of_rounds(slow_and_fast), st.interval_of_log_mean(slow_and_fast)
    assert blocked[1] - blocked[0] > 1.5 * (plain[1] - plain[0])
    assert st.interval_of_rounds(slow_and_fast[:20]) == st.interval_of_log_mean(slow_and_fast[:20])


def test_a_rate_is_all_counts_over_all_time_with_the_spread_of_its_rounds():
    found = st.rate_of_rounds([10, 30], [10**9, 10**9])
    assert found.value == 20.0
    assert found.ci95[0] < 20.0 < found.ci95[1]
    assert st.rate_of_rounds([10], [10**9]).ci95 is None


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
