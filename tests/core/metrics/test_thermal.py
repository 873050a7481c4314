"""Start, end and highest are of one sensor and of the rounds alone."""

from __future__ import annotations

from benchfleet.core.evidence import Evidence, Lane, Round
from benchfleet.core.metric import catalogue
from benchfleet.core.samples import SensorSeries


def zone(name, *values):
    """A reading a second from zero on."""
    times = tuple(i * 1_000_000_000 for i in range(len(values)))
    return SensorSeries(
        sensor=name, kind="temperature_c", scope="component", source="sysfs", times_ns=times, values=values
    )


def temperatures(*telemetry, start_s=2.5, end_s=6.5):
    start_ns, end_ns = int(start_s * 1e9), int(end_s * 1e9)
    one = Round(launch=0, index=0, start_ns=start_ns, end_ns=end_ns, wall_ns=(1,), cpu_ns=0, runq_wait_ns=None)
    lane = Lane(rounds=(one,) if end_s else (), launches=(), outputs=None)
    seen = Evidence(model=lane, baseline=None, batch=1, model_size_bytes=1, telemetry=telemetry)
    return [catalogue()[f"temperature_c_{which}"].compute(seen) for which in ("start", "end", "max")]


def test_what_was_before_and_after_the_rounds_does_not_count():
    cpu = zone("cpu", 90.0, 30.0, 40.0, 50.0, 70.0, 60.0, 55.0, 95.0)
    start, end, highest = temperatures(cpu)
    assert (start.value, end.value, highest.value) == (40.0, 55.0, 70.0)
    assert highest.source == "cpu"


def test_all_three_are_of_the_sensor_that_became_hottest():
    steady, rising = zone("steady", *[60.0] * 8), zone("rising", *[40.0] * 5, 75.0, 59.0, 50.0)
    start, end, highest = temperatures(steady, rising)
    assert (start.value, end.value, highest.value) == (40.0, 59.0, 75.0)
    assert {v.source for v in (start, end, highest)} == {"rising"}


def test_lost_readings_are_passed_over():
    start, _, highest = temperatures(zone("cpu", 40.0, None, None, 50.0, None, None, None))
    assert (start.value, highest.value, highest.n) == (40.0, 50.0, 2)


def test_no_sensor_is_no_temperature():
    for found in temperatures(zone("cpu", *[None] * 8)):
        assert found.value is None


def test_without_rounds_all_readings_count():
    _, _, highest = temperatures(zone("cpu", 40.0, 50.0), start_s=0, end_s=0)
    assert highest.value == 50.0
