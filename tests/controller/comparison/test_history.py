"""Regressions in synthetic histories whose truth is known."""

from __future__ import annotations

import math
import random

import pytest

from benchfleet.controller.comparison.history import LEARNED_MIN, Sample, judge, trend

HISTORIES = 600


def campaigns(rng, count, *, sd=0.02, factor=1.0, host=None):
    """Results of an unchanged model; `host` slows the model and the reference work alike."""
    made = []
    for i in range(count):
        slow = host[i] if host else 1.0
        made.append(
            Sample(
                value=10.0 * factor * slow * math.exp(rng.gauss(0, sd)),
                half=0.01,
                reference=2.0 * slow * math.exp(rng.gauss(0, sd)),
            )
        )
    return made


@pytest.mark.parametrize("earlier", [LEARNED_MIN, 8, 20])
def test_an_unchanged_model_is_suspected_in_at_most_one_check_of_twenty(earlier):
    rng = random.Random(earlier)
    found = [judge(campaigns(rng, earlier + 1)).verdict for _ in range(HISTORIES)]
    assert (found.count("suspected") + found.count("confirmed")) / HISTORIES <= 0.05
    assert found.count("confirmed") / HISTORIES <= 0.01


def test_a_slowdown_of_three_percent_is_suspected_and_then_confirmed_on_a_quiet_device():
    rng, first, second = random.Random(2), [], []
    for _ in range(HISTORIES):
        samples = campaigns(rng, 8, sd=0.005) + campaigns(rng, 2, sd=0.005, factor=1.03)
        first.append(judge(samples[:-1]).verdict)
        second.append(judge(samples).verdict)
    assert first.count("suspected") / HISTORIES >= 0.9
    assert second.count("confirmed") / HISTORIES >= 0.85


def test_a_slow_host_is_not_blamed_on_the_model():
    rng = random.Random(3)
    found = [judge(campaigns(rng, 10, sd=0.01, host=[1.0] * 8 + [1.25] * 2)).verdict for _ in range(HISTORIES)]
    assert found.count("host_slow") / HISTORIES >= 0.95
    assert found.count("confirmed") / HISTORIES <= 0.01


def test_a_slow_model_on_an_unchanged_host_is_blamed_on_the_model():
    rng = random.Random(4)
    samples = campaigns(rng, 8, sd=0.01) + campaigns(rng, 2, sd=0.01, factor=1.25)
    assert judge(samples).verdict == "confirmed"


def test_a_model_that_is_slower_than_a_slow_host_explains_is_blamed():
    rng = random.Random(5)
    samples = campaigns(rng, 8, sd=0.01) + campaigns(rng, 1, sd=0.01, factor=1.3, host=[1.1])
    assert judge(samples).verdict == "suspected"


def test_a_fast_reference_does_not_explain_a_slow_model():
    usual = [Sample(value=10.0 + i % 2 / 10, reference=2.0) for i in range(6)]
    assert judge([*usual, Sample(value=12.0, reference=1.6)]).verdict == "suspected"


def test_a_rate_that_falls_with_a_slow_host_is_the_hosts():
    usual = [Sample(value=100.0 + i % 2, reference=2.0) for i in range(6)]
    slow = Sample(value=80.0, reference=2.5)
    assert judge([*usual, slow], lower_is_better=False).verdict == "host_slow"
    assert judge([*usual, Sample(value=80.0, reference=2.0)], lower_is_better=False).verdict == "suspected"
    assert judge([*usual, Sample(value=125.0, reference=2.0)], lower_is_better=False).verdict == "none"


STEADY = [Sample(value=v) for v in (10.0, 10.1, 9.9, 10.05, 9.95, 10.0)]
SLOW, FAST = Sample(value=12.0), Sample(value=8.0)


def verdict(*samples):
    return judge([*STEADY, *samples]).verdict


def test_one_odd_campaign_between_usual_ones_is_forgotten():
    assert verdict(SLOW) == "suspected"
    assert verdict(SLOW, STEADY[0]) == "none"
    assert verdict(SLOW, STEADY[0], SLOW) == "suspected"


def test_odd_campaigns_that_were_not_confirmed_widen_what_is_usual_but_one_wild_one_does_not_blind():
    def width(*samples):
        low, high = judge([*STEADY, *samples, STEADY[0]]).each[-1].band
        return high / low

    odd = [SLOW, STEADY[0]] * 4
    assert width(*odd) > 1.01 * width(*[STEADY[0]] * 8)
    assert width(Sample(value=100.0), STEADY[0]) == pytest.approx(width(SLOW, STEADY[0]))


def test_a_host_that_was_slow_meanwhile_neither_confirms_nor_clears():
    usual = [Sample(value=v.value, reference=1.0 + 0.001 * i) for i, v in enumerate(STEADY)]
    hot, slow = Sample(value=13.0, reference=1.3), Sample(value=12.0, reference=1.0)
    assert judge([*usual, slow, hot]).verdict == "host_slow"
    assert judge([*usual, slow, hot, slow]).verdict == "confirmed"
    assert judge([*usual, hot, slow]).verdict == "suspected"


def test_a_confirmed_regression_stays_until_the_cell_is_back():
    assert verdict(*[SLOW] * 20) == "confirmed"
    assert verdict(*[SLOW] * 20, STEADY[0]) == "none"


def test_losing_a_confirmed_improvement_is_a_regression():
    assert verdict(FAST, FAST, FAST) == "none"
    assert verdict(FAST, FAST, FAST, STEADY[0]) == "suspected"
    assert verdict(FAST, FAST, FAST, STEADY[0], STEADY[1]) == "confirmed"
    assert verdict(FAST, STEADY[0]) == "none"


def test_too_few_earlier_campaigns_are_no_evidence_however_large_the_step():
    assert judge([]).verdict == "no_evidence"
    assert judge([*STEADY[: LEARNED_MIN - 1], SLOW]).verdict == "no_evidence"
    assert judge([*STEADY[:LEARNED_MIN], SLOW]).verdict == "suspected"


def test_an_effect_below_the_smallest_that_counts_is_none_however_steady_the_history():
    tight = [Sample(value=10.0 + 0.001 * (i % 2)) for i in range(8)]
    assert judge([*tight, Sample(value=10.15)]).verdict == "none"
    assert judge([*tight, Sample(value=10.15)], smallest=0.002).verdict == "suspected"


def test_a_result_with_a_wide_interval_of_its_own_is_not_held_to_a_narrow_band():
    tight = [Sample(value=10.0 + 0.001 * (i % 2)) for i in range(8)]
    assert judge([*tight, Sample(value=10.5, half=0.05)]).verdict == "none"


def test_a_creeping_change_is_a_clear_trend_and_noise_is_none():
    rng = random.Random(6)
    creeping = [10.0 * 1.01**i * math.exp(rng.gauss(0, 0.005)) for i in range(12)]
    found = trend(creeping)
    assert found.clear
    assert found.ci95[0] <= 0.01 <= found.ci95[1]
    noise = [trend([10 * math.exp(rng.gauss(0, 0.02)) for _ in range(10)]).clear for _ in range(400)]
    assert sum(noise) / 400 <= 0.06
    assert trend([1.0] * 5) is None
