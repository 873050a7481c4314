"""The firmware of a Pi through its mailbox and its program: what is asked, how often, and what a failure says."""

from __future__ import annotations

import errno
import json
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from benchfleet.agent.env import Env, live
from benchfleet.agent.env.replay import capture
from benchfleet.agent.sensors import Reading, raspberry_pi
from benchfleet.agent.sensors._vcio import DEVICE, REQUEST

ANSWERS = {
    "get_throttled": "throttled=0x50000",
    "measure_clock arm": "frequency(0)=2400033792",
    "measure_temp": "temp=61.5'C",
    "pmic_read_adc": "   VDD_CORE_A current(7)=2.00000000A\n   VDD_CORE_V volt(15)=0.90000000V\n"
    "    EXT5V_V volt(24)=5.10000000V\n",
}


class Firmware:
    """The other end of the mailbox: it reads the buffer and writes its answer there, as the VideoCore does."""

    def __init__(self, answers: dict[str, str]) -> None:
        self.answers, self.asked, self.error, self.status, self.code = answers, list[str](), 0, 0x80000000, 0

    def __call__(self, handle: int, request: int, buffer: bytearray) -> int:
        if self.error:
            raise OSError(self.error, "no answer")
        assert request == REQUEST
        size, code, tag, room, _, _ = struct.unpack_from("=6I", buffer)
        assert (size, code, tag, room) == (len(buffer), 0, 0x00030080, 4096)
        command = bytes(buffer[24:]).partition(b"\0")[0].decode()
        self.asked.append(command)
        text = self.answers.get(command, 'error=1 error_msg="Command not registered"').encode()
        struct.pack_into("=I", buffer, 4, self.status)
        struct.pack_into("=I", buffer, 20, self.code)
        buffer[24 : 24 + len(text) + 2] = text + b"\0\0"
        return 0


def pi(folder: Path, ioctl: Callable[[int, int, bytearray], int] | None, cmd: dict[str, str] | None = None) -> Env:
    tree = folder / "root/proc/device-tree"
    tree.mkdir(parents=True)
    (tree / "compatible").write_bytes(b"raspberrypi,5-model-b\0brcm,bcm2712\0")
    (folder / "root/dev").mkdir()
    (folder / "root/dev/vcio").write_text("")
    (folder / "cmd").mkdir()
    index = [{"argv": ["vcgencmd", *command.split()], "stdout": f"{i}.txt"} for i, command in enumerate(cmd or {})]
    for i, text in enumerate((cmd or {}).values()):
        (folder / f"cmd/{i}.txt").write_text(text)
    (folder / "cmd/index.json").write_text(json.dumps(index))
    return replace(capture(folder), ioctl=ioctl)


def read(env: Env) -> dict[str, Reading]:
    reader = raspberry_pi.reader(env, raspberry_pi.probe(env))
    try:
        return {reading.sensor_id: reading for reading in reader.read()}
    finally:
        reader.close()


def test_the_mailbox_answers_all_that_the_program_would(tmp_path: Path) -> None:
    found = read(pi(tmp_path, Firmware(ANSWERS)))
    assert found["raspberry_pi/throttled/word"].value == "0x50000"
    assert found["raspberry_pi/throttled/under_voltage"].value == 0
    assert found["raspberry_pi/throttled/under_voltage_since_boot"].value == 1
    assert found["raspberry_pi/throttled/throttled_since_boot"].value == 1
    assert found["raspberry_pi/arm/clock"].value == 2400033792
    assert found["raspberry_pi/soc/temperature"].value == 61.5
    assert found["raspberry_pi/pmic_rails_sum"].value == pytest.approx(1.8)


def test_a_recording_never_touches_the_mailbox_of_this_host(tmp_path: Path) -> None:
    env = pi(tmp_path, None)
    assert capture(tmp_path).ioctl is None
    assert live(tmp_path).ioctl is None
    assert live().ioctl is not None
    assert {r.quality for r in read(env).values()} == {"unsupported"}


def test_a_pi_with_neither_mailbox_nor_program_says_what_to_install(tmp_path: Path) -> None:
    firmware = Firmware(ANSWERS)
    firmware.error = errno.ENOENT
    found = read(pi(tmp_path, firmware))
    assert {r.quality for r in found.values()} == {"unsupported"}
    assert "raspi-utils" in found["raspberry_pi/arm/clock"].detail
    assert found["raspberry_pi/pmic_rails_sum"].value is None


def test_the_program_is_asked_where_the_mailbox_is_not(tmp_path: Path) -> None:
    sensors = raspberry_pi.probe(pi(tmp_path, None, ANSWERS))
    assert {sensor.source for sensor in sensors} == {"vcgencmd"}
    assert {sensor.every_s for sensor in sensors if "pmic" not in sensor.id} == {1.0}


def test_a_mailbox_that_is_forbidden_says_how_to_be_allowed(tmp_path: Path) -> None:
    firmware = Firmware(ANSWERS)
    firmware.error = errno.EACCES
    found = read(pi(tmp_path, firmware))
    assert {r.quality for r in found.values()} == {"denied"}
    assert "usermod -aG video" in found["raspberry_pi/arm/clock"].detail


def test_a_mailbox_that_is_forbidden_is_left_for_a_program_that_is_not(tmp_path: Path) -> None:
    firmware = Firmware(ANSWERS)
    firmware.error = errno.EACCES
    assert read(pi(tmp_path, firmware, ANSWERS))["raspberry_pi/arm/clock"].value == 2400033792


@pytest.mark.parametrize("damage", ["status", "code", "garbage", "zero", "gone"])
def test_a_firmware_that_breaks_while_it_is_read_is_lost_and_never_zero(tmp_path: Path, damage: str) -> None:
    firmware = Firmware(dict(ANSWERS))
    env = pi(tmp_path, firmware)
    reader = raspberry_pi.reader(env, raspberry_pi.probe(env))
    assert all(r.value is not None for r in reader.read())
    if damage == "status":
        firmware.status = 0x80000001
    elif damage == "code":
        firmware.code = 1
    elif damage == "gone":
        firmware.error = errno.ENODEV
    else:
        text = "?" if damage == "garbage" else "frequency(0)=0"
        firmware.answers = dict.fromkeys(ANSWERS, text)
    broken = reader.read()
    assert all(r.value is None for r in broken)
    assert {r.quality for r in broken} <= {"lost", "implausible"}
    assert all(r.detail for r in broken)
    firmware.status, firmware.code, firmware.error, firmware.answers = 0x80000000, 0, 0, ANSWERS
    assert all(r.value is not None for r in reader.read())
    reader.close()


def test_each_command_is_asked_once_a_reading_however_many_sensors_it_makes(tmp_path: Path) -> None:
    firmware = Firmware(ANSWERS)
    env = pi(tmp_path, firmware)
    reader = raspberry_pi.reader(env, raspberry_pi.probe(env))
    firmware.asked.clear()
    reader.read()
    reader.close()
    assert sorted(firmware.asked) == sorted(ANSWERS)


def test_a_rail_that_goes_away_takes_its_power_out_of_no_sum(tmp_path: Path) -> None:
    two = ANSWERS["pmic_read_adc"] + "  HDMI_A current(22)=0.02000000A\n  HDMI_V volt(23)=5.00000000V\n"
    firmware = Firmware(ANSWERS | {"pmic_read_adc": two})
    env = pi(tmp_path, firmware)
    reader = raspberry_pi.reader(env, raspberry_pi.probe(env))
    assert {r.sensor_id: r.value for r in reader.read()}["raspberry_pi/pmic_rails_sum"] == pytest.approx(1.9)
    firmware.answers = ANSWERS
    found = {r.sensor_id: r for r in reader.read()}
    reader.close()
    assert found["raspberry_pi/pmic/VDD_CORE/power"].value == pytest.approx(1.8)
    assert (found["raspberry_pi/pmic_rails_sum"].value, found["raspberry_pi/pmic_rails_sum"].quality) == (None, "lost")


def test_amperes_of_no_board_are_implausible(tmp_path: Path) -> None:
    text = "  VDD_CORE_A current(7)=2000.0A\n  VDD_CORE_V volt(15)=0.9V\n"
    found = read(pi(tmp_path, Firmware(ANSWERS | {"pmic_read_adc": text})))
    assert found["raspberry_pi/pmic/VDD_CORE/power"].quality == "implausible"
    assert found["raspberry_pi/pmic_rails_sum"].quality == "implausible"
    assert found["raspberry_pi/pmic/VDD_CORE/voltage"].value == 0.9


def test_what_the_firmware_refused_is_asked_again_once_a_minute(tmp_path: Path) -> None:
    without = {command: text for command, text in ANSWERS.items() if command != "pmic_read_adc"}
    (refused,) = (s for s in raspberry_pi.probe(pi(tmp_path, Firmware(without))) if "pmic" in s.id)
    assert (refused.every_s, refused.scope) == (60.0, "partial")


def test_bits_since_boot_are_counters_and_no_throttling_of_now(tmp_path: Path) -> None:
    kinds = {s.id: (s.kind, s.semantics) for s in raspberry_pi.probe(pi(tmp_path, Firmware(ANSWERS)))}
    assert kinds["raspberry_pi/throttled/throttled"] == ("throttle_state", "state")
    assert kinds["raspberry_pi/throttled/throttled_since_boot"] == ("throttle_count", "counter")


@pytest.mark.parametrize(
    ("model", "compatible", "is_one"),
    [
        (b"", b"raspberrypi,4-model-b\0brcm,bcm2711\0", True),
        (b"", b"brcm,bcm2835\0", True),
        (b"Raspberry Pi 3 Model B Rev 1.2\0", b"", True),
        (b"Radxa ROCK 5B\0", b"radxa,rock-5b\0rockchip,rk3588\0", False),
        (b"", b"brcm,bcm47094\0", False),
    ],
)
def test_a_pi_is_known_by_its_device_tree(tmp_path: Path, model: bytes, compatible: bytes, is_one: bool) -> None:
    tree = tmp_path / "proc/device-tree"
    tree.mkdir(parents=True)
    (tree / "model").write_bytes(model)
    (tree / "compatible").write_bytes(compatible)
    (tmp_path / "proc/cpuinfo").write_text("Model : Raspberry Pi 4 Model B Rev 1.1\n")
    assert bool(raspberry_pi.probe(live(tmp_path))) == is_one


def test_the_device_is_opened_by_its_own_path(tmp_path: Path) -> None:
    sensors = raspberry_pi.probe(pi(tmp_path, Firmware(ANSWERS)))
    assert {sensor.paths for sensor in sensors} == {(DEVICE,)}
