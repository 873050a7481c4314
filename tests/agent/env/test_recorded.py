"""A recorded library answers as the real one does: errors of its own classes, devices, fields one by one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchfleet.agent.env import replay
from benchfleet.agent.env.recorded import Recorded

TWO = {
    "nvmlInit": "OK",
    "nvmlDeviceGetCount": 2,
    "nvmlDeviceGetName": "NVIDIA A100",
    "nvmlDeviceGetTemperature": {"0": 31, "1": "NVMLError_GpuIsLost"},
    "nvmlDeviceGetClockInfo": {"0": {"NVML_CLOCK_SM": 1410}, "1": {"NVML_CLOCK_SM": 210}},
    "nvmlDeviceGetMemoryInfo": {"total": 80, "used": 4},
    "nvmlDeviceGetFieldValues": {"0": {"186:0": 68500, "82": "NVMLError_NotSupported"}, "1": {"186:1": 70000}},
}


def test_the_name_of_an_error_is_raised_as_a_class_of_the_library() -> None:
    library = Recorded({"nvmlDeviceGetPowerUsage": "NVMLError_NotSupported"})
    with pytest.raises(library.NVMLError) as caught:
        library.nvmlDeviceGetPowerUsage(library.nvmlDeviceGetHandleByIndex(0))
    assert isinstance(caught.value, library.NVMLError_NotSupported)
    assert type(caught.value).__name__ == "NVMLError_NotSupported"
    assert caught.value.value == 3


def test_a_call_that_was_not_recorded_is_one_that_the_library_does_not_have() -> None:
    library = Recorded(dict(TWO))
    with pytest.raises(library.NVMLError_FunctionNotFound, match="not in the capture"):
        library.nvmlDeviceGetFanSpeed(library.nvmlDeviceGetHandleByIndex(0))
    assert library.nvmlShutdown() is None


def test_devices_answer_each_for_itself_and_share_what_was_recorded_once() -> None:
    library = Recorded(dict(TWO))
    assert library.nvmlInit() is None
    first, second = map(library.nvmlDeviceGetHandleByIndex, range(library.nvmlDeviceGetCount()))
    assert library.nvmlDeviceGetName(first) == library.nvmlDeviceGetName(second) == "NVIDIA A100"
    assert library.nvmlDeviceGetTemperature(first, library.NVML_TEMPERATURE_GPU) == 31
    with pytest.raises(library.NVMLError_GpuIsLost):
        library.nvmlDeviceGetTemperature(second, library.NVML_TEMPERATURE_GPU)
    assert library.nvmlDeviceGetClockInfo(second, library.NVML_CLOCK_SM) == 210
    assert library.nvmlDeviceGetMemoryInfo(first).used == 4


def test_a_device_that_was_not_recorded_has_no_answer_of_another() -> None:
    library = Recorded({"nvmlDeviceGetTemperature": {"0": 31}})
    with pytest.raises(library.NVMLError_NotSupported):
        library.nvmlDeviceGetTemperature(library.nvmlDeviceGetHandleByIndex(1), 0)


def test_fields_have_their_own_return_codes() -> None:
    library = Recorded(dict(TWO))
    first, second = library.nvmlDeviceGetHandleByIndex(0), library.nvmlDeviceGetHandleByIndex(1)
    instant, memory = library.nvmlDeviceGetFieldValues(first, [(186, 0), 82])
    assert (instant.nvmlReturn, instant.value.ullVal) == (0, 68500)
    assert memory.nvmlReturn == 3
    gpu, module = library.nvmlDeviceGetFieldValues(second, [(186, 0), (186, 1)])
    assert (gpu.nvmlReturn, module.value.uiVal) == (3, 70000)


@pytest.mark.parametrize("answers", [{}, {"nvmlInit": "OK"}])
def test_a_library_of_a_capture_is_the_same_each_time(answers: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "nvml.json").write_text(json.dumps(answers))
    libraries = replay.capture(tmp_path).libraries
    assert libraries.load("pynvml") is libraries.load("pynvml")
    with pytest.raises(ImportError, match="amdsmi: not in the capture"):
        libraries.load("amdsmi")
