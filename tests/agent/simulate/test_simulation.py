"""What drivers read of a simulated board, what runners tell it, and what faults do; the clock is turned by hand."""

from __future__ import annotations

import fcntl
import json
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from benchfleet.agent.runner import simulated as shared
from benchfleet.agent.sampler import Sampler
from benchfleet.agent.sensors import Reading
from benchfleet.agent.simulate import board, simulation
from benchfleet.agent.simulate.simulation import Simulation
from tests.support.attempts import INVENTORY

ZONE = "/sys/class/thermal/thermal_zone0/temp"
SENSOR = "thermal_zone/cpu-thermal"
S = 10**9

BROKEN = ("lost", "implausible", "timeout")
Made = Callable[..., Simulation]


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Made]:
    monkeypatch.setattr(simulation, "TMPFS", tmp_path)
    held: list[Simulation] = []

    def make(time_factor: float = 1.0, **declared: Any) -> Simulation:
        file = tmp_path / "mine.json"
        file.write_text(json.dumps({"extends": "raspberry-pi-5"} | declared))
        held.append(Simulation(board.load(str(file)), time_factor))
        return held[-1]

    yield make
    for each in held:
        each.stop()


def passed(board: Simulation, span_s: float) -> None:
    board.step(board._last_ns + round(span_s * S))


def reading(board: Simulation, sampler: Sampler, sensor: str = SENSOR) -> Reading:
    sampler.snapshot()
    return next(reading for held, reading in sampler.latest() if held.id == sensor)


def worked(board: Simulation, meter: shared.Meter, span_s: float, busy_s: float) -> None:
    """A call that begins now and takes `busy_s` of the seconds that pass."""
    meter.begin(board._last_ns)
    meter.ends(board._last_ns + round(busy_s * S))
    passed(board, span_s)


@pytest.fixture
def meter(made: Made) -> Iterator[Callable[[Simulation], shared.Meter]]:
    held: list[shared.Meter] = []

    def make(board: Simulation, part: float = 1.0) -> shared.Meter:
        held.append(shared.Meter(str(board.folder / shared.BUSY_FOLDER), part))
        return held[-1]

    yield make
    for each in held:
        each.close()


@pytest.mark.parametrize("name", board.known())
def test_every_sensor_of_a_shipped_board_reads_and_says_that_it_is_a_fake(name: str) -> None:
    with Simulation(board.load(name)) as simulated:
        sampler = Sampler(simulated.env)
        sampler.snapshot()
        found = sampler.latest()
        assert sampler.absent == {}
        assert found
        assert all(sensor.simulated for sensor, _ in found)
        lost = {sensor.id: reading for sensor, reading in found if reading.quality in BROKEN}
        assert not lost
        assert sorted(sampler.simulated()) == sorted(sensor.id for sensor, _ in found)
        about = simulated.inventory(INVENTORY)
        assert about.simulated
        assert about.board == name
        assert "(simulated)" in about.cpu_model


def test_a_driver_that_holds_a_file_open_sees_the_board_warm_up(made: Made, meter: Any) -> None:
    simulated = made(time_factor=60)
    sampler = Sampler(simulated.env)
    cool_c = reading(simulated, sampler).value
    worked(simulated, meter(simulated), 5.0, 5.0)
    warm_c = reading(simulated, sampler).value
    assert warm_c == pytest.approx(simulated.device.nodes_c[0], abs=0.001)
    assert warm_c > cool_c + 20


def test_work_is_counted_while_a_call_lasts_and_by_the_part_it_fills(made: Made, meter: Any) -> None:
    simulated = made()
    half = meter(simulated, 0.5)
    half.begin(simulated._last_ns)
    passed(simulated, 1.0)
    assert simulated.device.utilization == pytest.approx(0.5)
    half.ends(simulated._last_ns)
    passed(simulated, 1.0)
    assert simulated.device.utilization == 0


def test_energy_of_frames_by_two_runners_is_known_beforehand(made: Made, meter: Any) -> None:
    """30 FPS for a minute, 8 ms each on the whole board and 4 ms on a quarter of it."""
    simulated = made()
    whole, part = meter(simulated), meter(simulated, 0.25)
    for _ in range(30 * 60):
        part.begin(simulated._last_ns)
        part.ends(simulated._last_ns + 4 * S // 1000)
        worked(simulated, whole, 1 / 30, 0.008)
    power = simulated.board.power
    known_j = 60 * power.idle_w + 1800 * (0.008 + 0.25 * 0.004) * power.dynamic_w
    assert simulated.device.energy_j == pytest.approx(known_j, rel=1e-3)


def test_a_runner_that_is_killed_in_a_call_stops_heating_the_board(made: Made) -> None:
    simulated = made()
    folder = str(simulated.folder / shared.BUSY_FOLDER)
    told, tell = os.pipe()
    child = os.fork()
    if child == 0:
        shared.Meter(folder, 1.0).begin(simulated._last_ns)
        os.write(tell, b"x")
        threading.Event().wait()
    os.read(told, 1)
    passed(simulated, 1.0)
    assert simulated.device.utilization == pytest.approx(1.0)
    os.kill(child, 9)
    os.waitpid(child, 0)
    passed(simulated, 1.0)
    passed(simulated, 1.0)
    assert simulated.device.utilization == 0
    assert os.listdir(folder) == []
    os.close(told)
    os.close(tell)


def test_the_clock_that_runners_see_is_the_boards(made: Made, meter: Any) -> None:
    simulated = made(time_factor=60)
    seen = shared.Board(simulated.told(), 0)
    assert seen.slower() == pytest.approx(4.0)
    load = meter(simulated)
    for _ in range(100):
        worked(simulated, load, 0.2, 0.2)
    assert simulated.device.level > 0
    speed = simulated.device.speed
    assert seen.slower() == pytest.approx(4.0 * (0.95 / speed + 0.05))


@pytest.mark.parametrize(
    ("fault", "quality"),
    [
        ({"does": "vanish"}, "lost"),
        ({"does": "garbage"}, "implausible"),
        ({"does": "refuse", "error": "EAGAIN"}, "gated"),
        ({"does": "refuse", "error": "EACCES"}, "denied"),
        ({"does": "lie", "times": 10.0}, "implausible"),
    ],
)
def test_what_befalls_a_sensor_under_load_is_its_quality_and_passes(
    made: Made, meter: Any, fault: dict[str, Any], quality: str
) -> None:
    simulated = made(faults=[{"path": ZONE, "after_s": 2, "for_s": 3, **fault}])
    sampler = Sampler(simulated.env)
    passed(simulated, 10.0)
    assert reading(simulated, sampler).quality == "ok", "nothing goes wrong before the first call"
    load = meter(simulated)
    worked(simulated, load, 1.0, 1.0)
    assert reading(simulated, sampler).quality == "ok"
    worked(simulated, load, 2.0, 2.0)
    broken = reading(simulated, sampler)
    assert (broken.value, broken.quality) == (None, quality)
    assert reading(simulated, sampler, "cpufreq/policy0").quality == "ok", "its neighbour goes on"
    worked(simulated, load, 3.0, 3.0)
    assert reading(simulated, sampler).quality == "ok"


def test_a_sensor_that_freezes_shows_what_it_showed(made: Made, meter: Any) -> None:
    simulated = made(time_factor=60, faults=[{"does": "freeze", "path": ZONE, "after_s": 0}])
    sampler = Sampler(simulated.env)
    before = reading(simulated, sampler)
    worked(simulated, meter(simulated), 2.0, 2.0)
    assert reading(simulated, sampler) == before
    assert simulated.device.nodes_c[0] > before.value + 10


def test_a_sensor_that_hangs_times_out_and_holds_up_nobody(made: Made) -> None:
    simulated = made(faults=[{"does": "hang", "path": ZONE}])
    sampler = Sampler(simulated.env)
    sampler.snapshot()
    found = {sensor.id: reading for sensor, reading in sampler.latest()}
    assert found[SENSOR].quality == "timeout"
    assert found["cpufreq/policy0"].quality == "ok"


@pytest.mark.parametrize(
    ("fault", "error"),
    [({"does": "vanish"}, FileNotFoundError), ({"does": "hang"}, TimeoutError), ({"does": "refuse"}, OSError)],
)
def test_commands_fail_as_told(made: Made, fault: dict[str, Any], error: type[Exception]) -> None:
    argv = ["vcgencmd", "measure_clock", "arm"]
    simulated = made(faults=[{"path": " ".join(argv), **fault}])
    with pytest.raises(error):
        simulated.env.commands.run(argv, 0.01)
    assert simulated.env.commands.run(["vcgencmd", "get_throttled"]).stdout == "throttled=0x0\n"


def test_what_the_board_has_not_got_is_not_looked_for_on_this_host(made: Made) -> None:
    env = made().env
    with pytest.raises(FileNotFoundError):
        env.commands.run(["uname"])
    with pytest.raises(ImportError, match="simulated"):
        env.libraries.load("json")
    with pytest.raises(OSError, match="no network"):
        env.web.get("http://localhost/")
    assert not env.files.exists("/etc/passwd")


def test_a_command_that_sets_the_mode_is_read_back() -> None:
    with Simulation(board.load("jetson-orin-nano")) as simulated:
        run = simulated.env.commands.run
        assert run(["nvpmodel", "-q"]).stdout == "NV Power Mode: 15W\n0\n"
        assert run(["nvpmodel", "-m", "1"]).code == 0
        assert run(["nvpmodel", "-q"]).stdout == "NV Power Mode: 7W\n1\n"
        assert run(["nvpmodel", "-m", "9"]).code == 1


def test_what_a_killed_agent_left_is_removed_by_the_next_and_what_lives_is_not(made: Made, tmp_path: Path) -> None:
    alive = made()
    dead = tmp_path / f"{simulation.PREFIX}dead"
    dead.mkdir()
    (dead / shared.CLOCK_FILE).write_bytes(b"")
    made()
    assert not dead.exists()
    assert alive.folder.exists()
    with (alive.folder / shared.CLOCK_FILE).open("rb") as file, pytest.raises(BlockingIOError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_its_end_leaves_nothing_and_lets_go_of_who_hangs(made: Made) -> None:
    simulated = made(faults=[{"does": "hang", "path": ZONE}])
    caught: list[BaseException] = []

    def hang() -> None:
        try:
            simulated.env.files.open(ZONE)
        except TimeoutError as error:
            caught.append(error)

    thread = threading.Thread(target=hang, daemon=True)
    thread.start()
    simulated.stop()
    thread.join(10)
    assert caught
    assert not simulated.folder.exists()
