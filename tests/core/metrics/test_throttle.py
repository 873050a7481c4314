"""Throttling is what counters, bits and clocks say inside the rounds, and unknown where none of them is there."""

from __future__ import annotations

import pytest

from benchfleet.core.evidence import Evidence, Lane, Round
from benchfleet.core.metric import catalogue
from benchfleet.core.samples import SensorSeries


def rounds(*spans):
    return tuple(
        Round(launch=0, index=i, start_ns=a, end_ns=b, wall_ns=(1,), cpu_ns=0, runq_wait_ns=0)
        for i, (a, b) in enumerate(spans)
    )


def series(kind, values, *, sensor="s", source="synthetic", step=1, **more):
    times = tuple(step * i for i in range(len(values)))
    facts = {"scope": "component", "source": source, **more}
    return SensorSeries(sensor=sensor, kind=kind, times_ns=times, values=tuple(values), **facts)


def value(name, *telemetry, spans=((0, 10**9),)):
    lane = Lane(rounds=rounds(*spans), launches=(), outputs=None)
    evidence = Evidence(model=lane, baseline=None, batch=1, model_size_bytes=1, telemetry=telemetry)
    return catalogue()[name].compute(evidence)


@pytest.mark.parametrize("name", ["throttle_events", "throttled_ratio", "clock_ratio", "clock_granted_ratio"])
def test_a_device_that_tells_nothing_is_unknown_and_not_free_of_throttling(name):
    assert value(name).value is None
    assert value(name, series("throttle_count", []), series("clock_hz", [None] * 20)).value is None


def test_counters_that_rise_are_added_and_a_reset_is_no_event():
    counters = series("throttle_count", [3, 4, 0, 2], sensor="a"), series("throttle_count", [7, 7])
    assert value("throttle_events", *counters).value == 3


def test_bits_count_by_the_share_of_readings_and_only_inside_rounds():
    bits = series("throttle_state", [4, 4, 0, 0, 0, 2, 0, 0])
    assert value("throttled_ratio", bits, spans=((2, 7),)).value == pytest.approx(1 / 6)


def test_the_fastest_core_speaks_for_the_cpu_and_rest_between_rounds_is_left_out():
    busy = series("clock_hz", [2e9] * 10 + [0.6e9] * 10 + [2e9] * 10, sensor="cpu0")
    idle = series("clock_hz", [0.6e9] * 30, sensor="cpu1")
    assert value("clock_ratio", busy, idle, spans=((0, 9), (20, 29))).value == 1.0
    assert value("clock_ratio", busy, idle, spans=((0, 29),)).value == pytest.approx(0.3)


def test_a_few_readings_of_a_clock_say_nothing():
    assert value("clock_ratio", series("clock_hz", [2e9] * 9)).value is None


def test_firmware_that_throttles_is_seen_though_the_clock_asked_for_stays():
    """A Raspberry Pi 3 at 84 degC: 1200 MHz asked for, 657 MHz given."""
    asked = series("clock_hz", [1.2e9] * 20, sensor="cpufreq/policy0", part="cpu", estimated=True)
    given = series("clock_hz", [1.2e9] * 5 + [0.657e9] * 15, sensor="raspberry_pi/clock/arm", part="cpu")
    assert value("clock_granted_ratio", asked, given).value == pytest.approx(0.5475)
    assert value("clock_ratio", asked, given).value == pytest.approx(0.5475)
    assert value("clock_ratio", asked).value == 1.0
    assert value("clock_granted_ratio", asked).value is None


def test_an_asked_for_clock_speaks_where_the_real_one_cannot_be_read():
    asked = series("clock_hz", [1.2e9] * 20, part="cpu", estimated=True)
    denied = series("clock_hz", [None] * 20, part="cpu")
    assert value("clock_ratio", asked, denied).value == 1.0


def test_too_low_a_supply_is_no_throttling_of_its_own():
    low = series("throttle_state", [1] * 5, sensor="raspberry_pi/throttled/under_voltage")
    assert value("throttled_ratio", low).value is None
