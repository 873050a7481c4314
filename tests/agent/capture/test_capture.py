"""A recording holds what the drivers need, nothing that tells whose device it is, and says what it could not read."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner

from benchfleet.agent.capture import writer
from benchfleet.agent.capture.identities import Identities
from benchfleet.agent.capture.recording import record
from benchfleet.agent.capture.watched import Watched
from benchfleet.agent.cli.capture import command
from benchfleet.agent.env import Answer, Env, live
from benchfleet.agent.env.recorded import Recorded
from benchfleet.agent.env.replay import capture
from benchfleet.agent.env.tree import Tree
from benchfleet.agent.sampler import Sampler
from benchfleet.core.errors import DocumentError
from tests.agent.sensors._plug import Plug

NOW = datetime(2026, 1, 2, tzinfo=UTC)
SECRETS = {
    "hostname": "lab7-orin",
    "machine": "0123456789abcdef0123456789abcdef",
    "boot": "11111111-2222-3333-4444-555555555555",
    "serial": "1425122049999",
    "mac": "48:b0:2d:aa:bb:cc",
    "uuid": "GPU-9a1b2c3d-1111-2222-3333-444455556666",
    "battery": "BAT-SN-778899",
    "ssid": "Berlin Lab 5G",
    "ip": "192.168.17.23",
    "builder": "alice@lab7-orin",
    "user": "alicesmith",
}
FILES = {
    "etc/hostname": "{hostname}\n",
    "etc/machine-id": "{machine}\n",
    "etc/os-release": 'PRETTY_NAME="Ubuntu 22.04.5 LTS of {hostname}"\n',
    "etc/passwd": "root:x:0:0::/root:/bin/sh\n{user}:x:1000:1000::/home/{user}:/bin/sh\n",
    "etc/nvpmodel.conf": "# {user} at {ip}\n< POWER_MODEL ID=0 NAME=15W >\n",
    "proc/self/cgroup": "0::/user.slice/{user}.service\n",
    "var/lib/dpkg/status": "Package: nvidia-l4t-core\nMaintainer: {user} <x@{hostname}>\nVersion: 36.4.3-1\n",
    "proc/sys/kernel/hostname": "{hostname}\n",
    "proc/sys/kernel/random/boot_id": "{boot}\n",
    "proc/version": "Linux version 5.15.148-tegra ({builder}) (gcc 11) #1 for {serial}\n",
    "proc/cpuinfo": "processor\t: 0\nCPU architecture: 8\nSerial\t\t: 100000004ea35eb1\n",
    "proc/cmdline": "root=UUID={boot} androidboot.serialno={serial}\n",
    "proc/device-tree/serial-number": "{serial}\0",
    "proc/device-tree/compatible": "nvidia,p3767-0005\0nvidia,tegra234\0",
    "proc/device-tree/nvidia,boardids": "3767-0005-300 {serial}\0",
    "proc/device-tree/chosen/bootargs": "mac={mac}\0",
    "sys/class/dmi/id/product_uuid": "{boot}\n",
    "sys/class/dmi/id/product_name": "Box of {serial}\n",
    "sys/class/net/eth0/address": "{mac}\n",
    "sys/class/hwmon/hwmon3/name": "battery {mac}\n",
    "sys/class/hwmon/hwmon3/temp1_input": "41500\n",
    "sys/class/power_supply/BAT0/serial_number": "{battery}\n",
    "sys/class/power_supply/BAT0/uevent": "POWER_SUPPLY_SERIAL_NUMBER={battery}\n",
    "sys/class/power_supply/BAT0/model_name": "M {battery}\n",
    "sys/class/thermal/thermal_zone0/type": "cpu-thermal\n",
    "sys/class/thermal/thermal_zone0/temp": "41000\n",
    "home/alice/notes": "{ssid}\n",
}  # fmt: skip


def tree(root: Path, files: dict[str, str] = FILES) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.format(**SECRETS))
    return root


def recorded(env: Env, folder: Path) -> dict[str, bytes]:
    record(env, folder, made=NOW, by="test")
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def readings(env: Env) -> dict[str, Any]:
    sampler = Sampler(env)
    sampler.snapshot()
    return {sensor.id: (reading.value, reading.quality) for sensor, reading in sampler.latest()}


def test_identities_that_were_planted_are_nowhere_in_it(tmp_path):
    class Says:
        def run(self, argv: Any, timeout_s: float = 0.0) -> Answer:
            if argv[0] == "uname":
                return Answer(stdout="aarch64\n")
            return Answer(stdout="hostname: {hostname}\nSSID: {ssid}\nUUID {uuid} at {ip}, {mac}\n".format(**SECRETS))

    files = Tree(tree(tmp_path / "root"))
    env = Env(files=files, commands=Says(), web=live(tmp_path).web, libraries=live(tmp_path).libraries)
    held = recorded(env, tmp_path / "out")
    whole = b"\n".join([*held.values(), *(name.encode() for name in held)])
    for name, secret in SECRETS.items():
        assert secret.encode() not in whole, f"{name} is in the recording"
    assert b"100000004ea35eb1" not in whole
    assert b"SSID: 0" in whole, "the commands that a driver ran are in it"
    assert b"aarch64" in whole
    assert b"NAME=15W" in whole
    assert b"Version: 36.4.3-1" in whole
    assert b"41000" in held["root/sys/class/thermal/thermal_zone0/temp"]
    assert b"3767-0005-300" in held["root/proc/device-tree/nvidia,boardids"]
    left = (tmp_path / "out/SOURCE.txt").read_text()
    assert "left out" in left
    assert left.startswith("board: ")


def test_a_body_keeps_its_numbers_and_loses_its_names(tmp_path):
    said = {
        "wifi_sta": {"ssid": SECRETS["ssid"], "ip": SECRETS["ip"], "rssi": -57},
        "mac": "48B02DAABBCC",
        "meters": [{"power": 2.21, "total": 439237}],
        "id": "shellyplug-s-48b02d",
        "StatusSNS": {"Time": "2024-05-01T12:34:56", "ENERGY": {"Power": 5}},
    }
    body = Identities(live(tree(tmp_path))).out_of_body(json.dumps(said).encode())
    data = json.loads(body)
    assert data["meters"] == said["meters"]
    assert data["StatusSNS"] == said["StatusSNS"]
    assert data["wifi_sta"] == {"ssid": "", "ip": "", "rssi": -57}
    assert (data["mac"], data["id"]) == ("", "")


@pytest.mark.parametrize(
    "text",
    ["0000:01:00.0", "00000000:18:00.0", "12:34:56", "36.4.3-20250107", "0,1-3", "p3767-0005", "nvidia,tegra234"],
)
def test_what_is_no_identity_stays(tmp_path, text):
    known = Identities(live(tree(tmp_path)))
    assert known.out_of_answer(text) == text
    assert known.out_of_file("/sys/x", text.encode()) == text.encode()


@pytest.mark.parametrize("text", ["fe80::1ff:fe23:4567:890a", "2001:db8:85a3:0:0:8a2e:370:7334", "48:b0:2d:aa:bb:01"])
def test_addresses_are_taken_out_of_answers(tmp_path, text):
    assert text not in Identities(live(tree(tmp_path))).out_of_answer(f"at {text}, it is")


def test_what_could_not_be_read_fails_in_the_recording_as_it_did(tmp_path):
    class Breaking(Tree):
        def open(self, path: str) -> int:
            if path.endswith("zone0/temp"):
                raise OSError(11, os.strerror(11), path)
            if path.endswith("zone1/temp"):
                raise PermissionError(13, os.strerror(13), path)
            return super().open(path)

    zones = {f"sys/class/thermal/thermal_zone{n}/{name}": text for n in (0, 1, 2)
             for name, text in (("type", f"z{n}"), ("temp", "41000"))}  # fmt: skip
    env = live(tree(tmp_path / "root", zones))
    broken = Env(files=Breaking(tmp_path / "root"), commands=env.commands, web=env.web, libraries=env.libraries)
    held = recorded(broken, tmp_path / "out")
    assert json.loads(held["errors.json"]) == {
        "/sys/class/thermal/thermal_zone0/temp": "EAGAIN",
        "/sys/class/thermal/thermal_zone1/temp": "EACCES",
    }
    assert readings(capture(tmp_path / "out")) == {
        "thermal_zone/z0": (None, "gated"),
        "thermal_zone/z1": (None, "denied"),
        "thermal_zone/z2": (41.0, "ok"),
    }


def test_files_for_root_alone_are_marked_and_refused_to_others(tmp_path):
    root = tree(tmp_path / "root", {"sys/kernel/debug/rknpu/load": "NPU load:  48%\n", "sys/class/thermal/x": ""})
    (root / "sys/kernel/debug").chmod(0o700)
    held = recorded(live(root), tmp_path / "out")
    assert "/sys/kernel/debug/rknpu/load" in json.loads(held["modes.json"])
    both = [readings(capture(tmp_path / "out", privileged=privileged)) for privileged in (True, False)]
    (name,) = [each for each in both[0] if "rockchip" in each or "npu" in each]
    assert both[0][name] == (0.48, "ok")
    assert both[1].get(name, (None, ""))[0] is None


def test_links_stay_links_and_absolute_ones_lead_inside(tmp_path):
    root = tree(tmp_path / "root", {"sys/devices/virtual/thermal/thermal_zone0/type": "soc\n",
                                    "sys/devices/virtual/thermal/thermal_zone0/temp": "50000\n"})  # fmt: skip
    (root / "sys/class/thermal").mkdir(parents=True)
    (root / "sys/class/thermal/thermal_zone0").symlink_to("/sys/devices/virtual/thermal/thermal_zone0")
    recorded(live(root), tmp_path / "out")
    link = tmp_path / "out/root/sys/class/thermal/thermal_zone0"
    assert link.is_symlink()
    assert readings(capture(tmp_path / "out")) == readings(live(root)) == {"thermal_zone/soc": (50.0, "ok")}


def test_a_file_that_hangs_ends_as_one_that_timed_out(tmp_path, monkeypatch):
    monkeypatch.setattr(writer, "READ_S", 0.05)
    root = tree(tmp_path / "root", {"proc/loadavg": "1 1 1\n"})

    class Hanging(Tree):
        def open(self, path: str) -> int:
            if threading_name() == "within" and path == "/proc/loadavg" and self.hang:
                event.wait()
            return super().open(path)

        hang = False

    import threading

    event = threading.Event()

    def threading_name() -> str:
        return threading.current_thread().name

    files = Hanging(root)
    files.hang = True
    made = writer.Writer(files, tmp_path / "out", Identities(live(root)))
    made.add("/proc/loadavg", folders=True)
    event.set()
    assert made.errors == {"/proc/loadavg": "ETIMEDOUT"}


def test_it_is_bounded_and_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(writer, "FILES_MAX", 3)
    env = live(tree(tmp_path / "root"))
    assert record(env, tmp_path / "out", made=NOW, by="x").files == 3
    assert "files beyond 3" in (tmp_path / "out/SOURCE.txt").read_text()


def test_of_a_program_the_header_and_of_packages_those_of_interest_are_kept(tmp_path):
    status = (
        "Package: libedgetpu1-std\nStatus: install ok installed\nVersion: 16.0\n\nPackage: secret-tool\nVersion: 1\n"
    )
    root = tree(tmp_path / "root", {"var/lib/dpkg/status": status})
    (root / "bin").mkdir()
    (root / "bin/sh").write_bytes(b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x03\x00\xb7\x00" + bytes(5000))
    (root / "sys/bus/usb/devices/2-1").mkdir(parents=True)
    for name, text in (("idVendor", "18d1"), ("idProduct", "9302")):
        (root / f"sys/bus/usb/devices/2-1/{name}").write_text(f"{text}\n")
    held = recorded(live(root), tmp_path / "out")
    assert len(held["root/bin/sh"]) == writer.ELF_BYTES
    assert b"libedgetpu1-std" in held["root/var/lib/dpkg/status"]
    assert b"secret-tool" not in held["root/var/lib/dpkg/status"]


def test_the_answers_of_a_vendor_library_are_recorded_by_device_and_argument(tmp_path):
    said = {
        "nvmlInit": "OK",
        "nvmlDeviceGetCount": 2,
        "nvmlDeviceGetName": {"0": "NVIDIA H100", "1": "NVIDIA A100"},
        "nvmlDeviceGetUUID": SECRETS["uuid"],
        "nvmlDeviceGetSerial": {"0": SECRETS["serial"], "1": SECRETS["serial"]},
        "nvmlDeviceGetClockInfo": {"0": {"NVML_CLOCK_SM": 1410}, "1": {"NVML_CLOCK_SM": 1200}},
        "nvmlDeviceGetPowerUsage": "NVMLError_NotSupported",
        "nvmlDeviceGetFieldValues": {"0": {"186:0": 68500, "82": "NVMLError_NotSupported"}, "1": {"186:0": 1}},
    }
    library = Recorded(said)
    env = Env(files=Tree(tmp_path), commands=live(tmp_path).commands, web=live(tmp_path).web,
              libraries=SimpleNamespace(load=lambda name: library))  # fmt: skip
    watched = Watched(env)
    nvml = watched.load("pynvml")
    nvml.nvmlInit()
    for number in range(nvml.nvmlDeviceGetCount()):
        handle = nvml.nvmlDeviceGetHandleByIndex(number)
        nvml.nvmlDeviceGetName(handle)
        nvml.nvmlDeviceGetClockInfo(handle, nvml.NVML_CLOCK_SM)
        nvml.nvmlDeviceGetFieldValues(handle, [(186, 0), (82, 0)])
        with pytest.raises(nvml.NVMLError):
            nvml.nvmlDeviceGetPowerUsage(handle)
    again = Recorded(watched.libraries["pynvml"])
    for number in range(2):
        one, other = (lib.nvmlDeviceGetHandleByIndex(number) for lib in (library, again))
        assert again.nvmlDeviceGetName(other) == library.nvmlDeviceGetName(one)
        assert again.nvmlDeviceGetClockInfo(other, again.NVML_CLOCK_SM) == library.nvmlDeviceGetClockInfo(
            one, library.NVML_CLOCK_SM
        )
        wanted = [(186, 0), (82, 0)]
        assert again.nvmlDeviceGetFieldValues(other, wanted) == library.nvmlDeviceGetFieldValues(one, wanted)
        with pytest.raises(again.NVMLError_NotSupported):
            again.nvmlDeviceGetPowerUsage(other)


@pytest.mark.parametrize("there", ["a file in it", "a file"])
def test_a_folder_that_is_not_empty_is_refused(tmp_path, there):
    at = tmp_path / "out"
    if there == "a file":
        at.write_text("mine")
    else:
        at.mkdir()
        (at / "mine").write_text("mine")
    with pytest.raises(DocumentError, match=f"^capture {at}: is"):
        CliRunner().invoke(command, [str(at)], catch_exceptions=False)


def test_the_command_says_what_it_wrote_and_the_device_is_left_alone(tmp_path):
    root = tree(tmp_path / "root")
    before = {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in root.rglob("*") if p.is_file()}
    done = CliRunner().invoke(command, [str(tmp_path / "out"), "--path.rootfs", str(root)], catch_exceptions=False)
    assert done.exit_code == 0
    assert "left out: " in done.output
    assert f"probe --replay {tmp_path / 'out'}" in done.output
    assert {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in root.rglob("*") if p.is_file()} == before
    assert list(readings(capture(tmp_path / "out")).values()) == list(readings(live(root)).values())


@pytest.mark.parametrize(
    "path",
    [
        "/proc/self/environ",
        "/proc/device-tree/chosen/kaslr-seed",
        "/sys/class/net/eth0/ifalias",
        "/sys/bus/usb/devices/1-1/enx48b02daabbcc/speed",
        "/etc/ssh/config",
        "/home/alice/notes",
        "/var/lib/secret",
    ],
)
def test_what_a_driver_reads_of_its_owner_is_left_out_whoever_wrote_it(tmp_path, path):
    root = tree(tmp_path / "root", {path.lstrip("/"): "private"})
    made = writer.Writer(Tree(root), tmp_path / "out", Identities(live(root)))
    made.add(path, folders=True)
    assert (made.count, sum(made.left_out.values())) == (0, 1)
    assert not [each for each in (tmp_path / "out").rglob("*") if each.is_file()]


def test_nothing_can_be_written_to_a_device_that_is_recorded(tmp_path):
    root = tree(tmp_path / "root")
    watched = Watched(live(root))
    with pytest.raises(OSError, match="Read-only"):
        watched.env.files.write("/sys/class/thermal/thermal_zone0/temp", "1")
    assert (root / "sys/class/thermal/thermal_zone0/temp").read_text() == "41000\n"


def test_a_password_of_a_meter_is_nowhere_in_it(tmp_path):
    page = "/cm?cmnd=Status%208"
    plug = Plug({f"{page}&user=joe&password=s3cret": {"StatusSNS": {"ENERGY": {"Power": 7}}}})
    try:
        env = live(tmp_path, meters=(f"tasmota://joe:s3cret@127.0.0.1:{plug.port}#name=desk",))
        record(env, tmp_path / "made", made=datetime(2026, 1, 2, tzinfo=UTC), by="test")
    finally:
        plug.close()
    written = [p.read_text() for p in (tmp_path / "made").rglob("*") if p.is_file()]
    assert not [text for text in written if "s3cret" in text or "joe" in text]
    sampler = Sampler(capture(tmp_path / "made"))
    sampler.snapshot()
    assert {s.id: r.value for s, r in sampler.latest()}["tasmota/desk/power"] == 7.0
