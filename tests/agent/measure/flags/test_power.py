"""A power figure that is less than it looks says so; a device without a power sensor is not at fault."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchfleet.agent.measure import flags
from benchfleet.agent.measure.flags import power
from benchfleet.agent.measure.profiles import PROFILES
from benchfleet.agent.sensors.simulated import Program
from benchfleet.core.evidence import Evidence, Lane, Round


def meter(scope="board", **more):
    """A real one, as far as anyone can tell."""
    read = Program(name="meter", low_w=5, scope=scope, update_s=0.1).series([i / 10 for i in range(1000)])
    return replace(read, **{"simulated": False, "source": "sysfs", **more})


def raised(*telemetry, span_s=60.0, host=None):
    one = Round(
        launch=0, index=0, start_ns=10**9, end_ns=10**9 + int(span_s * 1e9), wall_ns=(1,), cpu_ns=0, runq_wait_ns=None
    )
    seen = flags.Seen(
        evidence=Evidence(
            model=Lane(rounds=(one,), launches=(), outputs=None),
            baseline=None,
            batch=1,
            model_size_bytes=1,
            telemetry=telemetry,
        ),
        metrics={},
        profile=PROFILES["standard"],
        host=host or {},
    )
    found = list(power.find(seen))
    assert all(reason.severity == "degraded" for reason in found)
    return [reason.flag for reason in found]


def test_a_good_sensor_over_a_minute_raises_nothing():
    assert raised(meter()) == []


@pytest.mark.parametrize("telemetry", [(), (meter("rail"),), (meter(), meter())], ids=["none", "rail", "two"])
def test_a_device_whose_power_nothing_tells_is_not_at_fault(telemetry):
    assert raised(*telemetry, host={"batteries": {"BAT0": "Charging"}}) == []


def test_each_flag_is_raised_by_what_it_names():
    assert raised(meter(), span_s=8.0) == ["window_too_short"]
    silent = replace(meter(), values=tuple(None if i % 10 else 5.0 for i in range(1000)))
    assert raised(silent) == ["power_undersampled"]
    assert raised(meter(estimated=True)) == ["power_estimated"]
    assert raised(meter(simulated=True)) == ["power_simulated"]
    assert raised(meter(simulated=True), span_s=8.0) == ["power_simulated", "window_too_short"]


def test_a_battery_is_in_the_path_of_a_meter_and_not_of_a_module():
    charging = {"batteries": {"BAT0": "Charging"}}
    assert raised(meter("wall"), host=charging) == ["battery_in_path"]
    assert raised(meter("module"), host=charging) == []
    assert raised(meter("wall"), host={"batteries": {}}) == []
