"""The summary of a profile: shares of medians, bounded, and a profiler that says nothing is said so."""

import pytest

from benchfleet.agent.runner import operators
from benchfleet.agent.runner.contract import Operator, RuntimeFault


def test_nothing_told_is_a_fault_of_its_own():
    with pytest.raises(RuntimeFault) as raised:
        operators.summary([Operator("a", "Conv", "CPU", [])], 5)
    assert raised.value.reason == "no_operators"


def test_shares_are_of_medians_so_one_preempted_call_moves_nothing():
    found = operators.summary(
        [Operator("a", "Conv", "GPU", [30.0, 30.0, 9000.0]), Operator("b", "Add", "CPU", [10.0, 10.0, 10.0])], 4
    )
    assert found["time_shares"] == {"CPU": 0.25, "GPU": 0.75}
    assert [(row["name"], row["share"], row["median_us"], row["calls"]) for row in found["top"]] == [
        ("a", 0.75, 30.0, 3),
        ("b", 0.25, 10.0, 3),
    ]
    assert found["runs"] == 3
    assert found["call_us"] == 40.0


def test_an_operator_that_runs_twice_in_a_call_counts_twice():
    found = operators.summary([Operator("a", "Loop", "CPU", [5.0] * 4), Operator("b", "Add", "CPU", [10.0] * 2)], 3)
    assert [row["share"] for row in found["top"]] == [0.5, 0.5]


def test_the_list_is_bounded_and_the_providers_still_count_every_operator():
    many = [Operator("n" * 500 + str(i), "Add", "A" if i % 2 else "B", [1.0]) for i in range(1000)]
    found = operators.summary(many, 2)
    assert len(found["top"]) == operators.TOP
    assert found["operators"] == 1000
    assert found["time_shares"] == {"A": 0.5, "B": 0.5}
    assert max(len(row["name"]) for row in found["top"]) == operators.NAME_MAX


def test_a_fast_model_ends_at_the_most_runs():
    calls = []
    assert operators.runs(lambda: calls.append(1), 3600.0) == len(calls) == operators.RUNS_MAX
