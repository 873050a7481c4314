"""`probe` tells of the device it is pointed at, and of no other: not of the machine that reads a recording."""

from __future__ import annotations

import json
import platform
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchfleet.agent.cli.probe import command
from benchfleet.core.errors import DocumentError

RECORDED = Path(__file__).parents[2] / "fixtures" / "devices" / "jetson-agx-orin-zones-gated"


def probed(*arguments: str) -> dict:
    done = CliRunner().invoke(command, [*arguments, "--json"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return json.loads(done.output)


@pytest.mark.parametrize("option", ["--path.rootfs", "--path.sysfs", "--path.procfs", "--replay"])
@pytest.mark.parametrize("what", ["missing", "a file"])
def test_a_path_that_is_no_folder_is_one_line(tmp_path, option, what):
    path = tmp_path / "at"
    if what == "a file":
        path.write_text("")
    with pytest.raises(DocumentError, match=f"^{option} {path}: is no folder$"):
        CliRunner().invoke(command, [option, str(path)], catch_exceptions=False)


def test_a_folder_that_is_no_capture_says_so(tmp_path):
    with pytest.raises(DocumentError, match="it is no capture"):
        CliRunner().invoke(command, ["--replay", str(tmp_path)], catch_exceptions=False)


@pytest.mark.parametrize(
    "arguments", [["--replay", str(RECORDED), "--path.sysfs", "/sys"], ["--unprivileged"]], ids=["both", "unprivileged"]
)
def test_options_that_contradict_each_other_are_refused(arguments):
    done = CliRunner().invoke(command, arguments)
    assert done.exit_code == 2
    assert "--replay" in done.output


@pytest.mark.parametrize("how", ["--replay", "--path.rootfs"])
def test_nothing_of_this_machine_appears_in_what_another_says(how):
    data = probed(how, str(RECORDED if how == "--replay" else RECORDED / "root"))
    inventory = data["inventory"]
    for name in ("hostname", "os", "kernel", "arch", "cpu_model", "cpu_count", "memory_bytes", "python", "boot_id"):
        assert inventory[name] is None
        assert inventory["reasons"][name]
    assert data["runtimes"] == []
    assert platform.node() not in json.dumps(data)
    assert platform.release() not in json.dumps(data)
    assert data["board"] == "jetson-agx-orin"


def test_another_root_tells_its_own_facts(tmp_path):
    files = {
        "proc/sys/kernel/hostname": "lab7\n",
        "proc/version": "Linux version 6.6.31+rpt-rpi-2712 (x@y) #1\n",
        "etc/os-release": 'NAME="x"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n',
        "proc/meminfo": "MemTotal: 4000 kB\nMemFree: 100 kB\nMemAvailable: 3000 kB\n",
        "proc/cpuinfo": "processor\t: 0\nCPU architecture: 8\n\nprocessor\t: 1\nCPU architecture: 8\n",
        "sys/devices/system/cpu/online": "0-2,5\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    found = probed("--path.rootfs", str(tmp_path))["inventory"]
    assert found["hostname"] == "lab7"
    assert found["kernel"] == "6.6.31+rpt-rpi-2712"
    assert found["os"] == "Debian GNU/Linux 12 (bookworm)"
    assert found["memory_bytes"] == 4000 * 1024
    assert found["cpu_count"] == 4
    assert found["arch"] == "aarch64"
    assert found["board"] is None


def test_a_sensor_comes_with_all_that_is_known_of_it():
    data = probed("--replay", str(RECORDED))
    gated = next(s for s in data["sensors"] if s["id"] == "thermal_zone/CV0-therm")
    assert (gated["value"], gated["quality"], gated["unit"]) == (None, "gated", "°C")
    assert "EAGAIN" in gated["detail"]
    assert gated.keys() >= {
        "kind", "scope", "semantics", "source", "formula", "includes", "excludes", "resolution", "accuracy", "window_s",
        "wrap", "cost_s", "needs_root", "derived", "estimated", "simulated", "rank", "paths",
    }  # fmt: skip
    assert data["totals"]["power_w"] is None
    assert data["totals"]["power_w_reason"] == "no sensor of power"
    assert data["absent"] == {}


def test_the_table_fits_a_terminal_and_says_why_something_is_missing():
    done = CliRunner().invoke(command, ["--replay", str(RECORDED)], catch_exceptions=False)
    assert max(map(len, done.output.splitlines())) <= 80
    assert "gated: -256 degC" in done.output
    assert "47.4 °C" in done.output
    assert "(not in the recording)" in done.output


def test_this_machine_is_asked_for_its_differences_twice():
    data = probed()
    assert data["inventory"]["hostname"] == platform.node()
    shares = [s for s in data["sensors"] if s["id"] == "cpu_time/utilization"]
    assert shares
    assert shares[0]["value"] is not None


def test_a_library_that_names_a_device_and_supports_nothing_says_so():
    data = probed("--replay", str(RECORDED.parent / "jetson-orin-nano-nvml-not-supported"))
    assert data["absent"] == {"nvml": "NVML names Orin (nvgpu), and supports nothing else of it"}
    assert data["sensors"] == []


def test_a_server_is_told_where_its_counters_could_be(tmp_path):
    (tmp_path / "proc").mkdir()
    info = tmp_path / "proc/cpuinfo"
    info.write_text("processor\t: 0\nvendor_id\t: GenuineIntel\nflags\t\t: fpu lm\n")
    assert "modprobe intel_rapl_msr" in probed("--path.rootfs", str(tmp_path))["absent"]["rapl"]
    info.write_text("processor\t: 0\nvendor_id\t: GenuineIntel\nflags\t\t: fpu lm hypervisor\n")
    assert "virtual machine" in probed("--path.rootfs", str(tmp_path))["absent"]["rapl"]
    info.write_text("processor\t: 0\nCPU architecture: 8\n")
    assert "rapl" not in probed("--path.rootfs", str(tmp_path))["absent"]


def test_a_driver_that_hangs_while_it_says_why_holds_up_nothing(monkeypatch):
    import threading

    from benchfleet.agent.sensors import _deadline, nvml

    ended = threading.Event()
    monkeypatch.setattr(_deadline, "PROBE_S", 0.05)
    monkeypatch.setattr(nvml, "silence", lambda env: ended.wait() and "")
    assert "nvml" not in probed("--replay", str(RECORDED))["absent"]
    ended.set()


def test_power_modes_are_shown_and_looking_sets_none(tmp_path):
    policy = tmp_path / "sys/devices/system/cpu/cpufreq/policy0"
    policy.mkdir(parents=True)
    for name, text in (
        ("scaling_governor", "schedutil"),
        ("scaling_available_governors", "performance schedutil"),
        ("scaling_cur_freq", "1500000"),
    ):
        (policy / name).write_text(f"{text}\n")
    data = probed("--path.rootfs", str(tmp_path))
    assert {m["name"] for m in data["inventory"]["power_modes"]} >= {"performance", "schedutil"}
    assert (policy / "scaling_governor").read_text() == "schedutil\n"


def test_a_mechanism_of_power_modes_that_breaks_hides_nothing_else(monkeypatch):
    from benchfleet.agent import power_modes

    monkeypatch.setattr(power_modes, "offered", lambda env: 1 / 0)
    data = probed("--replay", str(RECORDED))
    assert data["inventory"]["power_modes"] == []
    assert data["sensors"]


def test_a_meter_says_what_its_own_clock_showed():
    said = {s["id"]: s for s in probed("--replay", str(RECORDED.parent / "shelly-gen1-plug"))["sensors"]}
    assert said["shelly/recorded/meter:0/power"]["source_time_unix_s"] == 1680779310
    assert said["shelly/recorded/meter:0/power"]["value"] == 2.21


def test_a_bad_address_of_a_meter_is_one_line_and_a_recording_has_its_own_meters(tmp_path):
    with pytest.raises(DocumentError, match="comes before ://"):
        CliRunner().invoke(command, ["--meter", "plug"], catch_exceptions=False)
    with pytest.raises(DocumentError, match="did you mean tasmota"):
        CliRunner().invoke(command, [], env={"BENCHFLEET_AGENT_METERS": "http://a tasmot://b"}, catch_exceptions=False)
    done = CliRunner().invoke(command, ["--replay", str(RECORDED), "--meter", "http://plug"])
    assert done.exit_code == 2
    assert "give one of the two" in done.output
    done = CliRunner().invoke(command, ["--replay", str(RECORDED)], env={"BENCHFLEET_AGENT_METERS": "http://plug"})
    assert done.exit_code == 0
    assert "plug" not in done.output
