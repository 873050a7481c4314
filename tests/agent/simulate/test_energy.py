"""The joules of a paced load on a simulated board, read by the driver of the real one, against what it really took."""

from __future__ import annotations

import pytest

from benchmarks.energy_simulated import relative_error


@pytest.mark.parametrize(("span_s", "limit"), [(10.0, 0.05), (60.0, 0.03)])
def test_joules_of_thirty_frames_a_second_are_those_that_were_spent(span_s: float, limit: float) -> None:
    assert abs(relative_error(span_s, seed=7)) < limit
