"""The front against its definition, by brute force."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchfleet.controller.comparison.pareto import front, fronts, points
from benchfleet.core.results import Reason, Value
from tests.support.campaigns import campaign, fleet, result, run

COORDINATE = st.integers(0, 6).map(float)


@given(st.lists(st.tuples(COORDINATE, COORDINATE), max_size=12))
def test_front_is_exactly_what_nothing_dominates(pairs):
    found = [(str(i), x, y) for i, (x, y) in enumerate(pairs)]

    def dominated(p):
        return any(q[1] <= p[1] and q[2] >= p[2] and (q[1] < p[1] or q[2] > p[2]) for q in found)

    assert front(found, "lower", "higher") == {p[0] for p in found if not dominated(p)}


def test_invalid_and_failed_runs_are_not_points():
    ids = {rid for rid, _, _ in points(fleet(12).runs, "latency_ms_p50", "accuracy_top1")}
    assert "run-004" not in ids
    assert "run-008" not in ids
    assert len(ids) == 10


def test_an_invalid_run_that_beats_all_is_never_on_the_front():
    noisy = Reason(flag="background_load", severity="invalid", detail="31 %")
    runs = campaign(
        run("ok", measured=result(p50=10.0)),
        run("nonsense", model="digits:int8", measured=result(p50=0.1, accuracy=1.0, reasons=(noisy,))),
    ).runs
    assert fronts(runs, "latency_ms_p50", "accuracy_top1", "lower", "higher") == {"ok"}


@pytest.mark.parametrize(
    ("scope", "source"), [("module", "ina3221"), ("board", "estimate")], ids=["another scope", "another source"]
)
def test_a_value_of_another_scope_or_source_never_beats_one(scope, source):
    def with_power(watts, scope, source):
        return {"power_w_mean": Value(value=watts, scope=scope, source=source)}

    runs = campaign(
        run("board", measured=result(p50=10.0, extra=with_power(8.0, "board", "ina3221"))),
        run("other", model="digits:int8", measured=result(p50=9.0, extra=with_power(2.0, scope, source))),
        run("worse", model="digits:fp16", measured=result(p50=11.0, extra=with_power(9.0, "board", "ina3221"))),
    ).runs
    assert fronts(runs, "latency_ms_p50", "power_w_mean", "lower", "lower") == {"board", "other"}


def test_a_simulated_run_never_beats_a_measured_one():
    runs = campaign(
        run("real", measured=result(p50=10.0, provenance={"simulated": False})),
        run("fake", model="digits:int8", measured=result(p50=0.1, provenance={"simulated": True})),
    ).runs
    assert "real" in fronts(runs, "latency_ms_p50", "accuracy_top1", "lower", "higher")
