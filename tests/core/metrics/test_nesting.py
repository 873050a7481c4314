"""Quantiles are in order, and so are their intervals, whatever the series was like."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as some

from benchfleet.core.evidence import Evidence, Lane, Round
from benchfleet.core.metric import catalogue, compute_all
from benchfleet.core.nesting import nested
from benchfleet.core.results import Value, missing

QUANTILES = ("latency_ms_p50", "latency_ms_p90", "latency_ms_p95", "latency_ms_p99", "latency_ms_p999")


def evidence(rounds):
    made = tuple(
        Round(launch=0, index=i, start_ns=0, end_ns=sum(wall), wall_ns=wall, cpu_ns=0, runq_wait_ns=None)
        for i, wall in enumerate(rounds)
    )
    return Evidence(model=Lane(rounds=made, launches=(), outputs=None), baseline=None, batch=1, model_size_bytes=1)


def two_modes(seed):
    """A host that is slow in one round of five, with a rare slow call: lower quantiles depend on the round."""
    source, rounds = random.Random(seed), []
    for _ in range(20):
        level = 1_000_000 + 400_000 * (source.random() < 0.2)
        rounds.append(tuple(int(source.gauss(level, 30_000)) + 300_000 * (source.random() < 0.03) for _ in range(50)))
    return rounds


def crossing(values):
    """Neighbours whose intervals contradict each other."""
    known = [v.ci95 for v in values if v.ci95 is not None]
    return [(low, high) for low, high in pairwise(known) if low[0] > high[0] or low[1] > high[1]]


def test_estimates_by_themselves_cross_and_what_is_printed_does_not():
    alone, printed = 0, 0
    for seed in range(40):
        seen = evidence(two_modes(seed))
        alone += bool(crossing([catalogue()[name].compute(seen) for name in QUANTILES]))
        found = compute_all(seen)
        printed += bool(crossing([found[name] for name in QUANTILES]))
    assert alone > 0, "this series shows nothing"
    assert printed == 0


INTERVAL = some.tuples(some.floats(0, 100), some.floats(0, 100)).map(sorted).map(tuple)


@given(some.lists(some.one_of(some.none(), INTERVAL), min_size=2, max_size=6))
def test_intervals_only_widen_keep_their_values_and_end_in_order(intervals):
    names = [f"p{i}" for i in range(len(intervals))]
    values = {
        name: missing("none") if ci95 is None else Value(value=ci95[0], ci95=ci95, method="m")
        for name, ci95 in zip(names, intervals, strict=True)
    }
    found = nested(values, dict(zip(names[1:], names[:-1], strict=True)))
    assert not crossing([found[name] for name in names])
    for name, before in values.items():
        after = found[name]
        assert after.value == before.value
        if before.ci95 is None:
            assert after == before
        else:
            assert after.ci95[0] <= before.ci95[0]
            assert after.ci95[1] >= before.ci95[1]
            assert after.ci95 == before.ci95 or "bound that of" in after.method


def test_every_neighbour_that_a_metric_names_is_a_metric_of_its_unit():
    metrics = catalogue()
    named = {name: metric.at_least for name, metric in metrics.items() if metric.at_least}
    assert set(QUANTILES[1:]) <= set(named)
    for name, below in named.items():
        assert metrics[below].unit == metrics[name].unit


def test_a_metric_that_names_itself_ends():
    value = Value(value=1.0, ci95=(0.5, 2.0))
    assert nested({"a": value}, {"a": "a"}) == {"a": value}
    with pytest.raises(KeyError):
        nested({}, {"a": "a"})["a"]
