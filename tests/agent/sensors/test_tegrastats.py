"""Lines of tegrastats of every release, and the process that prints them: fresh, ended, silent."""

from __future__ import annotations

import json
import os
import select
import threading
from pathlib import Path

import pytest

from benchfleet.agent.env import Env, replay
from benchfleet.agent.env.commands import Installed
from benchfleet.agent.env.libraries import NoLibraries
from benchfleet.agent.env.tree import Tree
from benchfleet.agent.env.web import Http
from benchfleet.agent.sensors import Reading, _stream, tegrastats
from benchfleet.agent.sensors._tegrastats_line import parsed

RAM = "RAM 1980/3995MB (lfb 1x4MB)"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            f"{RAM} cpu [17%,8%,0%,7%]@408 EMC 1%@408 AVP 0%@80 VDE 0 GR3D 3%@76 EDP limit 0",
            {
                ("cpu", "load"): 0.08,
                ("emc", "load"): 0.01,
                ("emc", "clock"): 408e6,
                ("gpu", "load"): 0.03,
                ("gpu", "clock"): 76e6,
            },
        ),
        (
            f"{RAM} SWAP 0/1997MB (cached 0MB) CPU [20%@1479,off,off,4%@345] EMC_FREQ 3%@1600 GR3D_FREQ 99%@921 APE 25"
            " PLL@37.5C CPU@-1.5C PMIC@100C POM_5V_IN 1641/1650 POM_5V_GPU 40/80",
            {
                ("cpu", "load"): 0.12,
                ("emc", "load"): 0.03,
                ("emc", "clock"): 1600e6,
                ("gpu", "load"): 0.99,
                ("gpu", "clock"): 921e6,
                ("PLL", "temperature"): 37.5,
                ("CPU", "temperature"): -1.5,
                ("PMIC", "temperature"): 100.0,
                ("POM_5V_IN", "power"): 1.641,
                ("POM_5V_GPU", "power"): 0.04,
            },
        ),
        (
            f"{RAM} CPU [off] MTS fg 0% bg 2% GPU@34C GPU 153/150 CPU 311/309 SYS5V 1366/1359",
            {
                ("GPU", "temperature"): 34.0,
                ("GPU", "power"): 0.153,
                ("CPU", "power"): 0.311,
                ("SYS5V", "power"): 1.366,
            },
        ),
        (
            f"10-01-2023 11:22:33 {RAM} CPU [1%@729] EMC_FREQ 0%@2133 GR3D_FREQ 0%@[305,114] VIC_FREQ 729 NVENC off"
            " CV0@-256C CPU@46.125C VDD_IN 12479mW/12480mW VDD_CPU_GPU_CV 737mW/737mW",
            {
                ("cpu", "load"): 0.01,
                ("emc", "load"): 0.0,
                ("emc", "clock"): 2133e6,
                ("gpu", "load"): 0.0,
                ("gpu", "clock"): 305e6,
                ("CV0", "temperature"): -256.0,
                ("CPU", "temperature"): 46.125,
                ("VDD_IN", "power"): 12.479,
                ("VDD_CPU_GPU_CV", "power"): 0.737,
            },
        ),
        (
            f"{RAM} GR3D_FREQ @[1575,1575,1500] APE 150 cpu@36.2C VDD_GPU 0mW VIN_SYS_5V0 4444mW VIN 26000mW",
            {
                ("gpu", "clock"): 1575e6,
                ("cpu", "temperature"): 36.2,
                ("VDD_GPU", "power"): 0.0,
                ("VIN_SYS_5V0", "power"): 4.444,
                ("VIN", "power"): 26.0,
            },
        ),
        (
            f"{RAM} cpu@38.3C/38.1C VDD_GPU -392mW/-392mW/-392mW VIN 87426mW/43713mW/87426mW",
            {("cpu", "temperature"): 38.3, ("VDD_GPU", "power"): -0.392, ("VIN", "power"): 87.426},
        ),
    ],
    ids=["jetpack 2", "jetpack 4", "xavier", "jetpack 5", "jetpack 7.0", "jetpack 7.2"],
)
def test_every_form_of_a_line_says_what_is_now(line: str, said: dict[tuple[str, str], float]) -> None:
    assert parsed(line) == pytest.approx({("ram", "used"): 1980 * 1024**2, **said})


@pytest.mark.parametrize("line", ["", "tegrastats: command not found", "VDD_IN 5mW/5mW", "AM 5/9MB VDD_IN 5mW/5mW"])
def test_what_is_no_whole_line_says_nothing(line: str) -> None:
    assert parsed(line) == {}


def recording(folder: Path, text: str, files: dict[str, str] | None = None) -> Env:
    for path, content in {"/proc/version": "Linux", **(files or {})}.items():
        file = folder / "root" / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    (folder / "cmd").mkdir()
    (folder / "cmd/00.txt").write_text(text)
    (folder / "cmd/index.json").write_text(json.dumps([{"argv": ["tegrastats"], "stdout": "00.txt", "rc": 124}]))
    return replay.capture(folder)


def read(env: Env) -> dict[str, Reading]:
    reader = tegrastats.reader(env, tegrastats.probe(env))
    try:
        return {reading.sensor_id: reading for reading in reader.read()}
    finally:
        reader.close()


ORIN = f"{RAM} CPU [4%@729] GR3D_FREQ 7%@[305] tj@47C VDD_IN 4872mW/4872mW VDD_CPU_GPU_CV 737mW/1mW VDD_SOC 1393mW/1mW"


def test_where_the_kernel_shows_the_chip_nothing_is_read_of_the_tool(tmp_path: Path) -> None:
    chip = {"/sys/bus/i2c/devices/1-0040/hwmon/hwmon1/name": "ina3221\n"}
    assert read(recording(tmp_path, ORIN, chip)) == {}


def test_only_what_no_file_says_is_taken(tmp_path: Path) -> None:
    files = {
        "/sys/devices/platform/gpu.0/load": "70",
        "/sys/class/thermal/thermal_zone0/temp": "47000",
        "/proc/stat": "cpu 1",
        "/proc/meminfo": "MemTotal: 1 kB",
    }
    found = set(read(recording(tmp_path, ORIN, files)))
    assert found == {f"tegrastats/{r}/power" for r in ("VDD_IN", "VDD_CPU_GPU_CV", "VDD_SOC", "total")} | {
        "tegrastats/gpu/clock"
    }


def test_a_rail_that_the_next_line_lacks_takes_the_total_with_it(tmp_path: Path) -> None:
    env = recording(tmp_path, ORIN)
    sensors = tegrastats.probe(env)
    (tmp_path / "cmd/00.txt").write_text(ORIN.replace("VDD_IN 4872mW/4872mW ", ""))
    found = {reading.sensor_id: reading for reading in tegrastats.reader(env, sensors).read()}
    assert found["tegrastats/VDD_SOC/power"].value == 1.393
    total = found["tegrastats/total/power"]
    assert (total.value, total.quality, total.detail) == (None, "lost", "tegrastats says nothing of VDD_IN")


@pytest.mark.parametrize(("text", "quality"), [("gpu@-256C", "gated"), ("gpu@900C", "implausible")])
def test_a_temperature_that_is_none_says_why(tmp_path: Path, text: str, quality: str) -> None:
    reading = read(recording(tmp_path, f"{RAM} {text}"))["tegrastats/gpu/temperature"]
    assert (reading.value, reading.quality) == (None, quality)


def live(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> Env:
    """A device without files whose PATH has a tegrastats of ours."""
    program = folder / "bin/tegrastats"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    return Env(files=Tree(folder / "root"), commands=Installed(), web=Http(), libraries=NoLibraries("none"))


COUNTS = f"i=0; while :; do i=$((i+1)); echo '{RAM}' VDD_IN ${{i}}mW/1mW $$; sleep 0.02; done"


def test_one_process_gives_newer_and_newer_lines_and_ends_with_its_reader(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    live(tmp_path, monkeypatch, COUNTS)
    lines = _stream.Lines(["tegrastats"])
    first, second = lines.newest(10.0), lines.newest(10.0)
    assert parsed(first)["VDD_IN", "power"] < parsed(second)["VDD_IN", "power"]
    processes = {line.split()[-1] for line in (first, second)}
    assert len(processes) == 1
    lines.close()
    assert not Path(f"/proc/{processes.pop()}").exists()


def test_the_tool_is_found_and_read_live(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    env = live(tmp_path, monkeypatch, COUNTS)
    sensors = tegrastats.probe(env)
    assert [sensor.id for sensor in sensors if sensor.kind == "power_w"] == ["tegrastats/VDD_IN/power"]
    assert all(sensor.slow for sensor in sensors)
    assert read(env)["tegrastats/VDD_IN/power"].quality == "ok"


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [(b"one\ntw", b"o\nthree\n", "three"), (b"one\n", b"two\n", "two"), (b"one\ntwo\n", b"three\nfour\n", "four")],
)
def test_what_lay_in_the_pipe_is_old(old: bytes, new: bytes, line: str) -> None:
    reading, writing = os.pipe()
    os.write(writing, old)

    poll = select.poll()
    poll.register(reading, select.POLLIN)

    def write_when_it_is_empty() -> None:
        while poll.poll(0):
            os.sched_yield()
        os.write(writing, new)

    writer = threading.Thread(target=write_when_it_is_empty)
    writer.start()
    assert _stream.next_line(reading, 10.0) == line
    writer.join()
    os.close(reading)
    os.close(writing)


def test_a_process_that_ended_says_so_and_is_not_started_at_every_reading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    live(tmp_path, monkeypatch, "exit 3")
    lines = _stream.Lines(["tegrastats"])
    with pytest.raises(OSError, match="ended with code 3"):
        lines.newest(10.0)
    with pytest.raises(OSError, match="started again in 10 s"):
        lines.newest(10.0)


def test_a_process_that_says_nothing_is_a_timeout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    live(tmp_path, monkeypatch, "exec sleep 60")
    lines = _stream.Lines(["tegrastats"])
    with pytest.raises(TimeoutError):
        lines.newest(0.05)
    lines.close()


def test_without_the_tool_there_is_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    env = live(tmp_path, monkeypatch, COUNTS)
    (tmp_path / "bin/tegrastats").unlink()
    assert tegrastats.probe(env) == []
