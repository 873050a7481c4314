"""Load, clocks, over-current, power mode, throttling of a Jetson: what is late, refused, absurd, or of another chip."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType

import pytest

from benchfleet.agent.env import Env, replay
from benchfleet.agent.sampler import Sampler
from benchfleet.agent.sensors import Reading, cooling_device, jetson, nvpmodel

ORIN = "nvidia,p3767-0005\0nvidia,tegra234\0"
LOAD = "/sys/devices/platform/gpu.0/load"
GPU = "/sys/class/devfreq/17000000.gpu"
EMC, BUSY = jetson.EMC_RATES[0], jetson.EMC_ACTIVITY[0]


def device(folder: Path, files: dict[str, object], compatible: str = ORIN, errors: dict[str, str] | None = None) -> Env:
    for path, text in {"/proc/device-tree/compatible": compatible, **files}.items():
        file = folder / "root" / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(str(text))
    (folder / "errors.json").write_text(json.dumps(errors or {}))
    return replay.capture(folder)


def nvpmodel_says(folder: Path, text: str, rc: object = 0) -> None:
    (folder / "cmd").mkdir()
    (folder / "cmd/00.txt").write_text(text)
    entry = {"argv": ["nvpmodel", "-q"], "stdout": "00.txt", "rc": rc}
    (folder / "cmd/index.json").write_text(json.dumps([entry]))


def read(driver: ModuleType, env: Env) -> dict[str, Reading]:
    reader = driver.reader(env, driver.probe(env))
    try:
        return {reading.sensor_id: reading for reading in reader.read()}
    finally:
        reader.close()


@pytest.mark.parametrize("load", ["1001", "-1", "4294967295"])
def test_a_load_that_is_no_share_is_implausible(tmp_path: Path, load: str) -> None:
    reading = read(jetson, device(tmp_path, {LOAD: load}))["jetson/gpu/load"]
    assert (reading.value, reading.quality) == (None, "implausible")


def test_a_gpu_that_is_off_is_gated_and_not_idle(tmp_path: Path) -> None:
    reading = read(jetson, device(tmp_path, {LOAD: "0"}, errors={LOAD: "EAGAIN"}))["jetson/gpu/load"]
    assert (reading.value, reading.quality) == (None, "gated")


def test_a_gpu_that_appears_late_is_read_from_then_on(tmp_path: Path) -> None:
    sampler = Sampler(device(tmp_path, {}), drivers={"jetson": jetson})
    assert sampler.sensors == {}
    device(tmp_path, {LOAD: "250", f"{GPU}/cur_freq": "306000000"})
    sampler.look()
    sampler.snapshot()
    assert {s.id: r.value for s, r in sampler.latest()} == {"jetson/gpu/load": 0.25, "jetson/gpu/clock": 306e6}


def test_the_load_of_a_gpu_whose_path_nobody_knows_is_found_by_its_node(tmp_path: Path) -> None:
    node = "/sys/class/devfreq/13e00000.ga10b"
    env = device(tmp_path, {f"{node}/device/of_node/name": "ga10b\0", f"{node}/device/load": "125"})
    assert read(jetson, env)["jetson/gpu/load"].value == 0.125


def test_the_gpu_of_another_chip_is_none_of_a_tegra(tmp_path: Path) -> None:
    mali = "/sys/class/devfreq/fb000000.gpu"
    files: dict[str, object] = {
        f"{mali}/device/of_node/name": "gpu\0",
        f"{mali}/cur_freq": 3e8,
        f"{mali}/device/load": 5,
    }
    assert jetson.probe(device(tmp_path, files, "rockchip,rk3588\0")) == []


def test_memory_that_only_root_may_ask_is_denied_on_a_tegra_and_absent_elsewhere(tmp_path: Path) -> None:
    refused = {EMC: "EACCES", BUSY: "EACCES"}
    found = read(jetson, device(tmp_path / "orin", {LOAD: 1}, errors=refused))
    assert {found["jetson/emc/clock"].quality, found["jetson/emc/load"].quality} == {"denied"}
    assert jetson.probe(device(tmp_path / "pi", {}, "brcm,bcm2711\0", errors=refused)) == []


@pytest.mark.parametrize(("busy", "rate"), [("0", "3199000000"), ("111965000", "0"), ("999999999", "3199000000")])
def test_an_activity_that_cannot_be_is_not_shown(tmp_path: Path, busy: str, rate: str) -> None:
    found = read(jetson, device(tmp_path, {EMC: rate, BUSY: busy}))
    assert (found["jetson/emc/load"].value, found["jetson/emc/load"].quality) == (None, "implausible")


def test_an_activity_is_an_estimate(tmp_path: Path) -> None:
    env = device(tmp_path, {EMC: 3199000000, BUSY: 111965000})
    assert [(s.estimated, s.needs_root) for s in jetson.probe(env) if s.id == "jetson/emc/load"] == [(True, True)]


@pytest.mark.parametrize(
    ("low", "high", "word"), [(306, 1020, "free"), (1020, 1020, "partly locked"), ("", 1020, None), ("x", 1, None)]
)
def test_clocks_that_jetson_clocks_holds(tmp_path: Path, low: object, high: object, word: str | None) -> None:
    policy = "/sys/devices/system/cpu/cpufreq/policy0"
    files: dict[str, object] = {f"{GPU}/min_freq": low, f"{GPU}/max_freq": high}
    files |= {f"{policy}/scaling_min_freq": 100, f"{policy}/scaling_max_freq": 200}
    assert read(jetson, device(tmp_path, files))["jetson/clocks"].value == word


def test_an_alarm_that_is_a_word_takes_no_other_with_it(tmp_path: Path) -> None:
    at = "/sys/class/hwmon/hwmon7"
    files: dict[str, object] = {f"{at}/oc1_event_cnt": "many", f"{at}/oc3_event_cnt": 4, f"{at}/oc3_throt_en": 2}
    found = read(jetson, device(tmp_path, files))
    assert found["jetson/oc1/events"].value is None
    assert found["jetson/oc3/events"].value == 4
    assert (found["jetson/oc3/throttling"].value, found["jetson/oc3/throttling"].quality) == (None, "implausible")


@pytest.mark.parametrize(
    ("text", "mode"),
    [
        ("NV Power Mode: 15W\n2\n", "15W (2)"),
        ("NV Fan Mode:quiet\nNV Power Mode: MODE_30W_ALL\n3\n", "MODE_30W_ALL (3)"),
        (
            "NVPM ERROR: opening a file\nNV Power Mode: MAXN_SUPER\nNVPM ERROR: 7 of GPU\n0\nNVPM ERROR: 9\n",
            "MAXN_SUPER (0)",
        ),
        ("NV Power Mode: 15W\r\n2\r\n", "15W (2)"),
    ],
)
def test_the_mode_is_told_by_name_and_number(tmp_path: Path, text: str, mode: str) -> None:
    nvpmodel_says(tmp_path, text, rc=255)
    assert read(nvpmodel, device(tmp_path, {}))[nvpmodel.ID].value == mode


@pytest.mark.parametrize(
    "text", ["", "NVPM ERROR: Error opening /var/lib/nvpmodel/status: 13\n", "NV Power Mode: 15W\n"]
)
def test_an_answer_without_a_mode_is_lost_and_quoted(tmp_path: Path, text: str) -> None:
    nvpmodel_says(tmp_path, text, rc=255)
    reading = read(nvpmodel, device(tmp_path, {}))[nvpmodel.ID]
    assert (reading.value, reading.quality) == (None, "lost")
    assert "nvpmodel -q said" in reading.detail


def test_a_command_that_hangs_is_a_timeout(tmp_path: Path) -> None:
    nvpmodel_says(tmp_path, "", rc="timeout")
    reading = read(nvpmodel, device(tmp_path, {}))[nvpmodel.ID]
    assert (reading.value, reading.quality) == (None, "timeout")


@pytest.mark.parametrize(
    ("status", "conf", "mode"),
    [
        ("pmode:0002", "< POWER_MODEL ID=2 NAME=15W >", "15W (2)"),
        ("pmode:0002", f"{'# a long file' * 1000}\n< POWER_MODEL ID=2 NAME=15W >", "15W (2)"),
        ("pmode:0002", "< POWER_MODEL ID=20 NAME=15W >", None),
        ("pmode:0002", None, None),
        ("garbage", "< POWER_MODEL ID=2 NAME=15W >", None),
    ],
)
def test_without_the_command_the_saved_mode_is_told(
    tmp_path: Path, status: str, conf: str | None, mode: str | None
) -> None:
    files: dict[str, object] = {nvpmodel.STATUS: status} | ({} if conf is None else {nvpmodel.CONFIG: conf})
    reading = read(nvpmodel, device(tmp_path, files))[nvpmodel.ID]
    assert reading.value == mode
    assert (nvpmodel.STATUS if mode or conf else nvpmodel.CONFIG) in reading.detail


def cooling(*devices: tuple[str, object]) -> dict[str, object]:
    at = "/sys/class/thermal/cooling_device"
    types: dict[str, object] = {f"{at}{n}/type": name for n, (name, _) in enumerate(devices)}
    return types | {f"{at}{n}/cur_state": state for n, (_, state) in enumerate(devices)}


def test_fans_slow_nothing_and_one_hot_core_of_many_slows_the_type(tmp_path: Path) -> None:
    files = cooling(("pwm-fan", 3), ("Processor", 0), ("Processor", 7), ("TCC Offset", 5), ("gpu-throttle-alert", 0))
    found = {i: r.value for i, r in read(cooling_device, device(tmp_path, files)).items()}
    assert found == {"cooling_device/Processor": 1.0, "cooling_device/gpu-throttle-alert": 0.0}


@pytest.mark.parametrize(("state", "quality"), [(-1, "unsupported"), (-7, "implausible"), (4294967295, "implausible")])
def test_a_state_that_is_none_is_not_zero(tmp_path: Path, state: int, quality: str) -> None:
    found = read(cooling_device, device(tmp_path, cooling(("cpufreq-cpu0", state))))
    assert [(r.value, r.quality) for r in found.values()] == [(None, quality)]
