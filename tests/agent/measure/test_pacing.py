"""Load that waits for heat ends when no temperature rises any more, and not before."""

from __future__ import annotations

from dataclasses import replace

from benchfleet.agent.measure import pacing
from benchfleet.agent.measure.profiles import PROFILES
from benchfleet.core.evidence import Round
from benchfleet.core.samples import SensorSeries

S = 10**9
PLAN = replace(PROFILES["quick"], settled_by_temperature=True)


def window(start_s, end_s):
    return Round(launch=0, index=0, start_ns=start_s * S, end_ns=end_s * S, wall_ns=(1,), cpu_ns=0, runq_wait_ns=0)


class Warming:
    """One reading a second of sensors that rise by so many degrees a minute."""

    def __init__(self, *slopes, kind="temperature_c"):
        self.slopes, self.kind = slopes, kind

    def series(self, start_ns, end_ns):
        times = tuple(range(start_ns, end_ns, S))
        return tuple(
            SensorSeries(
                sensor=f"t{i}", kind=self.kind, scope="component", source="test", times_ns=times,
                values=tuple(40 + slope * t / 60e9 for t in times),
            )
            for i, slope in enumerate(self.slopes)
        )  # fmt: skip

    def cpu_ratio(self, start_ns, end_ns):
        return None

    def late_ratio(self, start_ns, end_ns):
        return None


def test_every_sensor_has_to_be_level_after_two_minutes_of_load():
    long = [window(0, 1), window(149, 150)]
    assert pacing.settled(PLAN, long, Warming(0.4, -0.1))
    assert not pacing.settled(PLAN, long, Warming(0.4, 0.6))
    assert not pacing.settled(PLAN, [window(0, 1), window(100, 119)], Warming(0.0))


def test_without_a_temperature_the_whole_duration_is_spent():
    long = [window(0, 1), window(149, 150)]
    assert not pacing.settled(PLAN, long, None)
    assert not pacing.settled(PLAN, long, Warming())
    assert not pacing.settled(PLAN, long, Warming(0.0, kind="power_w"))


def test_other_scenarios_do_not_end_by_temperature():
    assert not pacing.settled(PROFILES["quick"], [window(0, 1), window(149, 150)], Warming(0.0))
