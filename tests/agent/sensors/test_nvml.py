"""NVML as recorded: only what answers is a sensor, and an answer that cannot be is none."""

from __future__ import annotations

import os
import types
from pathlib import Path
from typing import Any

import pytest

from benchfleet.agent.env import Env, replay
from benchfleet.agent.sensors import Reading, nvml
from benchfleet.agent.sensors._nvml import REASONS, THROTTLE_TIMES, quantities

DEVICES = Path(__file__).parents[2] / "fixtures/devices"
FIRST, SECOND = "nvml/0000:18:00.0", "nvml/0000:2a:00.0"


@pytest.fixture
def h100() -> Env:
    return replay.capture(DEVICES / "synthetic-h100-two")


def answers(env: Env) -> dict[str, Any]:
    return env.libraries.load("pynvml").answers


def read(env: Env) -> dict[str, Reading]:
    reader = nvml.reader(env, nvml.probe(env))
    try:
        return {r.sensor_id: r for r in reader.read()}
    finally:
        reader.close()


def test_a_library_without_its_driver_has_no_sensors(h100: Env) -> None:
    answers(h100)["nvmlInit"] = "NVMLError_DriverNotLoaded"
    assert nvml.probe(h100) == []


def test_a_library_that_names_a_device_and_supports_nothing_has_no_sensors() -> None:
    assert nvml.probe(replay.capture(DEVICES / "jetson-orin-nano-nvml-not-supported")) == []


def test_a_tegra_is_believed_nothing_but_its_name(h100: Env) -> None:
    answers(h100)["nvmlDeviceGetName"] = "Orin (nvgpu)"
    assert nvml.probe(h100) == []


def test_a_device_that_is_lost_while_it_is_read_leaves_the_other_one(h100: Env) -> None:
    reader = nvml.reader(h100, nvml.probe(h100))
    reader.read()
    said = answers(h100)
    for name in ("nvmlDeviceGetPowerUsage", "nvmlDeviceGetTemperatureV", "nvmlDeviceGetFieldValues"):
        said[name] = {**said[name], "0": "NVMLError_GpuIsLost"}
    for _ in range(2):
        found = {r.sensor_id: r for r in reader.read()}
        assert (found[f"{FIRST}/power"].value, found[f"{FIRST}/power"].quality) == (None, "lost")
        assert "GpuIsLost" in found[f"{FIRST}/temperature"].detail
        assert found[f"{SECOND}/power"].value == 70.8
        assert found[f"{SECOND}/temperature"].value == 33
    reader.close()


@pytest.mark.parametrize(
    ("error", "quality"),
    [("NVMLError_NoPermission", "denied"), ("NVMLError_Timeout", "timeout"), ("NVMLError_Unknown", "lost")],
)
def test_an_error_is_the_quality_of_its_reading(h100: Env, error: str, quality: str) -> None:
    reader = nvml.reader(h100, nvml.probe(h100))
    answers(h100)["nvmlDeviceGetTotalEnergyConsumption"] = error
    found = {r.sensor_id: r for r in reader.read()}[f"{FIRST}/energy"]
    assert (found.value, found.quality) == (None, quality)


def test_a_field_that_returns_an_error_of_its_own_is_no_zero(h100: Env) -> None:
    reader = nvml.reader(h100, nvml.probe(h100))
    answers(h100)["nvmlDeviceGetFieldValues"]["0"]["186:0"] = "NVMLError_NoPermission"
    found = {r.sensor_id: r for r in reader.read()}
    assert (found[f"{FIRST}/power"].value, found[f"{FIRST}/power"].quality) == (None, "denied")
    assert found[f"{FIRST}/power_average"].value == 412.345


def test_power_of_the_moment_goes_before_a_mean_over_a_second(h100: Env) -> None:
    found = {s.id: s for s in nvml.probe(h100)}
    moment, mean, energy = (found[f"{FIRST}/{name}"] for name in ("power", "power_average", "energy"))
    assert (moment.rank, moment.window_s) == (20, None)
    assert (mean.rank, mean.window_s) == (30, 1.0)
    assert (energy.rank, energy.semantics) == (10, "counter")
    assert all(s.slow for s in found.values())


def test_power_of_a_module_is_not_that_of_its_gpu(h100: Env) -> None:
    answers(h100)["nvmlDeviceGetFieldValues"] = {"186:1": 512000}
    power = next(s for s in nvml.probe(h100) if s.id == f"{FIRST}/power")
    assert power.scope == "module"
    assert "CPU" in power.includes


def test_power_usage_is_of_the_moment_on_ga100_alone() -> None:
    ids = [s.id for s in nvml.probe(replay.capture(DEVICES / "synthetic-a100-mig"))]
    assert "nvml/0000:07:00.0/power" in ids
    assert "nvml/0000:07:00.0/power_average" not in ids


def test_idle_clocks_of_a_user_and_displays_are_no_throttling(h100: Env) -> None:
    answers(h100)["nvmlDeviceGetCurrentClocksEventReasons"] = 0x1 | 0x2 | 0x10 | 0x100
    states = [r.value for i, r in read(h100).items() if "/throttle/" in i]
    assert states == [0.0] * 2 * len(REASONS)


def test_a_zero_beside_an_impossible_zero_is_none(h100: Env) -> None:
    said = answers(h100)
    said["nvmlDeviceGetTemperatureV"]["1"] = 0
    said["nvmlDeviceGetClockInfo"]["1"] = 0
    found = read(h100)
    assert (found[f"{SECOND}/clock"].value, found[f"{SECOND}/clock"].quality) == (None, "implausible")
    assert (found[f"{SECOND}/utilization"].value, found[f"{SECOND}/utilization"].quality) == (None, "implausible")
    assert found[f"{FIRST}/throttle/hw_thermal"].value == 0


def test_a_call_that_several_sensors_need_is_made_once_a_reading(h100: Env) -> None:
    reader = nvml.reader(h100, nvml.probe(h100))
    library, calls = h100.libraries.load("pynvml"), []
    function = library.nvmlDeviceGetCurrentClocksEventReasons
    library.nvmlDeviceGetCurrentClocksEventReasons = lambda handle: (calls.append(int(handle)), function(handle))[1]
    reader.read()
    assert calls == [0, 1]


def test_a_process_that_was_forked_initialises_the_library_anew(h100: Env, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = nvml.reader(h100, nvml.probe(h100))
    library, inits, shutdowns = h100.libraries.load("pynvml"), [], []
    library.nvmlInit = lambda: inits.append(os.getpid())
    library.nvmlShutdown = lambda: shutdowns.append(os.getpid())
    reader.read()
    reader.read()
    monkeypatch.setattr(nvml.os, "getpid", lambda: -1)  # what a child sees
    assert {r.sensor_id: r.value for r in reader.read()}[f"{FIRST}/power"] == 689.9
    assert len(inits) == 2
    assert shutdowns == []  # what the parent holds is the parent's
    reader.close()
    assert shutdowns == [-1]  # its own, once
    reader.read()
    monkeypatch.undo()
    reader.close()
    assert shutdowns == [-1]


def test_the_calls_are_those_of_the_binding() -> None:
    pynvml: types.ModuleType = pytest.importorskip("pynvml", reason="nvidia-ml-py is an extra")
    for averaged in (True, False):
        for quantity in quantities(averaged):
            assert callable(getattr(pynvml, quantity.call.partition("(")[0]))
    assert all(getattr(pynvml, name) == number for name, number in THROTTLE_TIMES.values())
    assert all(hasattr(pynvml, f"NVMLError_{name}") for name in nvml.QUALITY_OF_ERROR)
