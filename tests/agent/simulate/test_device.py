"""A simulated board over minutes, without waiting for any: energy, throttling, modes, what it says of itself."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchfleet.agent.simulate import board, heat
from benchfleet.agent.simulate.board import Fault
from benchfleet.agent.simulate.device import Device

PI = board.load("raspberry-pi-5")
ORIN = board.load("jetson-orin-nano")
TICK_S = 0.05


def lived(device: Device, span_s: float, utilization: float) -> Device:
    for _ in range(round(span_s / TICK_S)):
        device.advance(TICK_S, TICK_S * utilization)
    return device


@pytest.mark.parametrize("name", board.known())
def test_a_board_begins_idle_and_stays_as_it_is(name: str) -> None:
    device = Device(board.load(name))
    before_c = list(device.nodes_c)
    lived(device, 60, 0.0)
    assert device.nodes_c == pytest.approx(before_c)
    assert device.energy_j == pytest.approx(60 * device.board.power.idle_w)
    assert device.throttle_count == 0


def test_the_temperature_under_load_is_the_solution_on_paper() -> None:
    device = lived(Device(ORIN), 120, 0.5)
    power_w = ORIN.power.idle_w + 0.5 * ORIN.power.dynamic_w
    start_c = heat.settled(ORIN.nodes, ORIN.ambient_c, ORIN.power.idle_w)
    assert device.level == 0, "a clock that changes has another curve"
    assert device.nodes_c == pytest.approx(heat.after(ORIN.nodes, ORIN.ambient_c, start_c, power_w, 120))


def test_a_fast_clock_moves_heat_and_leaves_energy() -> None:
    slow, fast = lived(Device(PI), 120, 0.3), lived(Device(PI, time_factor=60), 2, 0.3)
    assert fast.nodes_c == pytest.approx(slow.nodes_c)
    assert fast.energy_j == pytest.approx(slow.energy_j / 60)


def test_a_paced_load_costs_idle_power_and_its_share() -> None:
    """30 frames a second of 10 ms each: the board computes in 30 % of the time."""
    device = lived(Device(ORIN), 60, 0.3)
    assert device.energy_j == pytest.approx(60 * (ORIN.power.idle_w + 0.3 * ORIN.power.dynamic_w))


def test_at_its_trip_point_a_board_steps_its_clock_down_and_computes_slower() -> None:
    device = Device(PI, time_factor=60)
    assert device.speed == 1
    lived(device, 20, 1.0)
    assert device.throttle_count > 0
    assert device.clock_hz < PI.clock_steps_hz[0]
    assert PI.throttle.trip_c - PI.throttle.hysteresis_c - 1 < device.nodes_c[0] < PI.throttle.trip_c + 2
    assert device.values()["throttled_hex"] == "60006"


def test_a_board_that_has_cooled_down_is_as_fast_as_before_and_remembers_that_it_throttled() -> None:
    device = lived(lived(Device(PI, time_factor=60), 20, 1.0), 30, 0.0)
    assert device.speed == 1
    assert device.values()["throttled_hex"] == "60000"
    assert device.throttled_s > 0


def test_between_trip_point_and_hysteresis_the_clock_stays() -> None:
    device = Device(PI)
    device.level = 3
    device.nodes_c = [PI.throttle.trip_c - 1.5, PI.throttle.trip_c - 10]
    device.advance(1.0, 0.25)
    assert device.level == 3


def test_the_faster_board_in_a_burst_is_the_slower_one_in_the_end() -> None:
    hot = replace(PI, clock_steps_hz=(2.4e9, 0.6e9), nodes=(heat.Node(name="die", r_c_per_w=12.0, c_j_per_c=8.0),))
    fast, steady = Device(hot, 60), Device(replace(ORIN, clock_steps_hz=(0.5e9,)), 60)
    steady_slower = 2.0

    def call(device: Device, times: float) -> float:
        return times / device.speed

    assert call(fast, 1.0) < call(steady, steady_slower)
    lived(fast, 10, 1.0)
    lived(steady, 10, 1.0)
    assert call(fast, 1.0) > call(steady, steady_slower)


def test_a_power_mode_caps_the_clock_and_the_watts() -> None:
    device = Device(ORIN)
    lived(device, 1, 1.0)
    full_w = device.power_w
    assert device.set_mode(1)
    lived(device, 1, 1.0)
    assert device.clock_hz == 408e6
    assert device.power_w == pytest.approx(
        ORIN.power.idle_w + ORIN.power.dynamic_w * (408 / 624.75) ** ORIN.power.exponent
    )
    assert device.power_w < full_w
    assert not device.set_mode(7)
    assert device.values()["mode_name"] == "7W"


def test_rails_show_their_shares_in_the_steps_of_their_chip() -> None:
    device = Device(ORIN)
    volts, amperes = device.rails()["VDD_IN"]
    assert volts * amperes == pytest.approx(ORIN.power.idle_w, abs=0.5 * 0.008 * volts)
    assert amperes / 0.008 == pytest.approx(round(amperes / 0.008))


def test_a_runaway_and_a_weak_supply_are_seen() -> None:
    device = Device(PI, time_factor=60)
    cool_c = lived(Device(PI, time_factor=60), 5, 0.2).nodes_c[0]
    device.faults((Fault(does="runaway", times=4.0), Fault(does="under_voltage")))
    lived(device, 5, 0.2)
    assert device.nodes_c[0] > cool_c + 10
    assert int(device.values()["throttled_hex"], 16) & 1
    assert device.rails()["pmic_EXT5V"][0] == 4.5
    device.faults(())
    lived(device, 1, 0.0)
    assert int(device.values()["throttled_hex"], 16) & 0x10001 == 0x10000


def test_a_machine_that_slept_for_a_day_wakes_up_to_a_board_that_has_settled() -> None:
    device = Device(PI, time_factor=1000)
    device.advance(86_400.0, 0.0)
    assert device.nodes_c == pytest.approx(heat.settled(PI.nodes, PI.ambient_c, PI.power.idle_w))
