"""The front against its definition, by brute force."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from benchfleet.controller.comparison.pareto import front, points
from tests.support.campaigns import fleet

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
