"""Whole measurements on simulated boards: what the result says of them, and which flag each fault raises."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from benchfleet.agent.measure.attempt import Around, Files, measure
from benchfleet.agent.runner.simulated import LATENCY_FOLDER
from benchfleet.agent.sampler import Sampler
from benchfleet.agent.simulate import board
from benchfleet.agent.simulate.simulation import Simulation
from benchfleet.core.clock import SystemClock
from benchfleet.core.results import Result
from benchfleet.core.runspec import RunSpec
from tests.support.attempts import DATA, INVENTORY, ref

MODEL = DATA / "digits-fp32.tflite"


def measured(tmp_path: Path, declared: dict[str, Any], *, time_factor: float = 1.0, **spec: Any) -> Result:
    file = tmp_path / "mine.json"
    file.write_text(json.dumps({"extends": "raspberry-pi-5"} | declared))
    with Simulation(board.load(str(file)), time_factor) as simulated:
        sampler = Sampler(simulated.env)
        sampler.active(True)
        sampler.start()
        around = Around(
            workspace=tmp_path / "work",
            inventory=simulated.inventory(INVENTORY),
            clock=SystemClock(),
            telemetry=sampler,
            simulated=simulated.told(),
        )
        told = RunSpec(model=ref(MODEL), runtime="litert", profile="quick", **spec)
        try:
            return asyncio.run(measure(told, Files(model=MODEL), around)).result
        finally:
            assert len(list((simulated.folder / LATENCY_FOLDER).glob("*"))) <= 2
            sampler.stop()


def flags(result: Result) -> set[str]:
    return {reason.flag for reason in result.reasons}


def test_a_result_says_that_it_is_simulated_and_of_which_board(tmp_path: Path) -> None:
    result = measured(tmp_path, {"faults": [{"does": "nan_outputs", "after_calls": 3}]})
    assert result.outcome == "ok"
    assert {"simulated", "nan_inf"} <= flags(result)
    (why,) = [reason.detail for reason in result.reasons if reason.flag == "simulated"]
    assert "no raspberry-pi-5 was there" in why
    said = result.provenance
    assert said["simulated"] is True
    assert said["device"]["board"] == "raspberry-pi-5"
    assert "(simulated)" in said["device"]["cpu_model"]
    assert "thermal_zone/cpu-thermal" in said["simulated_sensors"]
    assert said["runtime"]["simulated_board"] == "raspberry-pi-5"
    assert said["runtime"]["simulated_time_factor"] == 1.0
    host_ms = said["runtime"]["simulated_host_latency_us"] / 1e3
    assert result.metrics["latency_ms_min"].value >= 4.0 * host_ms * 0.9, "its call is waited for"


def test_a_runner_that_crashes_is_a_failure_and_its_result_says_simulated(tmp_path: Path) -> None:
    result = measured(tmp_path, {"faults": [{"does": "crash_runner", "after_calls": 1}]})
    assert result.outcome == "failed"
    assert result.failure is not None
    assert result.failure.reason == "runner_signal"
    assert result.provenance["simulated"] is True


def test_lasting_load_throttles_the_board_and_the_burst_is_not_the_sustained_speed(tmp_path: Path) -> None:
    """Loading and warming up are four of the eleven seconds of work after which it is at its trip point."""
    result = measured(
        tmp_path,
        {
            "latency": {"times": 400, "clock_share": 1.0, "full_load_threads": 1},
            "heat": {"ambient_c": 25, "nodes": [{"name": "die", "r_c_per_w": 10, "c_j_per_c": 28}]},
            "throttle": {"trip_c": 75, "hysteresis_c": 40},
            "clock_steps_hz": [2.0e9, 1.0e9],
        },
        time_factor=20.0,
        scenario="sustained",
        scenario_params={"duration_s": 14.0},
    )
    assert result.outcome == "ok"
    ratio = result.metrics["sustained_over_burst_ratio"].value
    assert ratio is not None
    assert ratio > 1.5
    assert {"throttled", "simulated"} <= flags(result)
    assert 70 < result.metrics["temperature_c_max"].value < 85


def test_a_power_sensor_that_vanishes_gives_no_joule(tmp_path: Path) -> None:
    """On the rail that is the total of this board; the flag says why."""
    rail = "/sys/bus/i2c/devices/1-0040/hwmon/hwmon1/curr1_input"
    result = measured(
        tmp_path,
        {"extends": "jetson-orin-nano", "faults": [{"does": "vanish", "path": rail, "after_s": 1}]},
        scenario="sustained",
        scenario_params={"duration_s": 12.0},
    )
    assert result.metrics["energy_mj_per_inference"].value is None
    assert "power_undersampled" in flags(result)
