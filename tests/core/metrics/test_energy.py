"""Mean power comes from one sensor, long enough, or not at all."""

from __future__ import annotations

import pytest

from benchfleet.core.evidence import Evidence, Lane
from benchfleet.core.metric import catalogue
from benchfleet.core.samples import SensorSeries


def mean(*telemetry):
    lane = Lane(rounds=(), launches=(), outputs=None)
    evidence = Evidence(model=lane, baseline=None, batch=1, model_size_bytes=1, telemetry=telemetry)
    return catalogue()["power_w_mean"].compute(evidence)


def series(scope, values, *, step_s=0.2):
    times = tuple(int(i * step_s * 1e9) for i in range(len(values)))
    return SensorSeries(
        sensor=scope, kind="power_w", scope=scope, source="synthetic", times_ns=times, values=tuple(values)
    )


def test_no_sensor_and_rails_alone_are_no_power():
    assert mean().value is None
    assert mean(series("rail", [3.0] * 100)).value is None


def test_two_sensors_of_one_scope_are_not_summed():
    assert "not summed" in mean(series("module", [3.0] * 100), series("module", [4.0] * 100)).reason


@pytest.mark.parametrize(("count", "step_s"), [(49, 1.0), (100, 0.05)])
def test_too_few_readings_or_too_short_a_span_is_missing(count, step_s):
    assert mean(series("board", [3.0] * count, step_s=step_s)).value is None


def test_widest_scope_wins_and_lost_readings_are_bridged():
    board = series("board", [5.0, None] * 50)
    found = mean(series("module", [3.0] * 100), board)
    assert found.value == pytest.approx(5.0)
    assert (found.scope, found.n) == ("board", 50)


def test_ramp_has_its_middle_as_mean():
    assert mean(series("board", [i / 100 for i in range(101)])).value == pytest.approx(0.5)
