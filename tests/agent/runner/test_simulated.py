"""The engine of a simulated board: real outputs after the board's time, and the faults of its runner."""

from __future__ import annotations

import json
import math
import struct
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from benchfleet.agent.runner import simulated as shared
from benchfleet.agent.runner.contract import Options
from benchfleet.agent.runtimes import fake

TOLD: dict[str, Any] = {
    "board": "raspberry-pi-5", "times": 2.0, "jitter": 0.0, "clock_share": 1.0, "full_load_threads": 4,
    "time_factor": 1.0, "seed": 0, "faults": [],
}  # fmt: skip
OPTIONS = Options(threads=1, batch=1, extra={"latency_us": 100, "noise": 0})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / shared.CLOCK_FILE).write_bytes(struct.pack("=d", 1.0) + bytes(4088))
    return tmp_path


def loaded(folder: Path, runtime: ModuleType = fake, **told: Any) -> Any:
    spec = {"simulated": {**TOLD, "folder": str(folder), **told}}
    return shared.on_board("fake", runtime, spec).load("model.onnx", OPTIONS)


def test_without_a_board_the_runtime_is_the_runtime() -> None:
    assert shared.on_board("fake", fake, {}) is fake
    assert shared.on_board("fake", fake, {"simulated": None}) is fake


def test_outputs_are_the_real_ones_and_facts_say_which_board(folder: Path) -> None:
    session = loaded(folder)
    session.run()
    real = fake.load("model.onnx", OPTIONS)
    real.run()
    assert session.outputs() == real.outputs()
    assert session.facts["simulated"]
    assert session.facts["simulated_board"] == "raspberry-pi-5"
    assert session.facts["simulated_host_latency_us"] >= 100


def test_a_call_is_never_shorter_than_the_board_takes(folder: Path) -> None:
    session = loaded(folder, times=20.0)
    session.run()
    session.outputs()
    host_ns = session._host_ns
    (page,) = (folder / shared.BUSY_FOLDER).iterdir()
    session.run()
    _, _, began, ends, part = struct.unpack("=qqqqq", page.read_bytes())
    assert ends - began >= int(20.0 * host_ns)
    assert part == 250_000, "one thread of four"


def test_a_lower_clock_is_a_longer_call(folder: Path) -> None:
    seen = shared.Board({**TOLD, "folder": str(folder), "clock_share": 0.5}, 0)
    assert seen.slower() == 2.0
    with (folder / shared.CLOCK_FILE).open("r+b") as file:
        file.write(struct.pack("=d", 0.5))
    assert seen.slower() == pytest.approx(2.0 * (0.5 / 0.5 + 0.5))


def test_what_a_call_takes_here_is_measured_once_for_all_launches(folder: Path) -> None:
    first = loaded(folder)
    first.run()
    first.outputs()
    assert loaded(folder)._host_ns == first._host_ns
    (kept,) = (folder / shared.LATENCY_FOLDER).iterdir()
    kept.write_text("garbage")
    assert loaded(folder)._host_ns is None


def test_another_setting_has_a_time_of_its_own(folder: Path) -> None:
    first = loaded(folder)
    first.run()
    first.outputs()
    spec = {"simulated": {**TOLD, "folder": str(folder)}}
    other = shared.on_board("fake", fake, spec).load("model.onnx", OPTIONS._replace(batch=8))
    assert other._host_ns is None


def test_jitter_is_the_same_for_one_seed_and_launch(folder: Path) -> None:
    told = {**TOLD, "folder": str(folder), "jitter": 0.01}
    assert shared.Board(told, 0).factors == shared.Board(told, 0).factors
    assert shared.Board(told, 0).factors != shared.Board(told, 1).factors
    assert shared.Board(told, 0).factors != shared.Board({**told, "seed": 1}, 0).factors


def test_outputs_become_nan_when_told(folder: Path) -> None:
    session = loaded(folder, faults=[{"does": "nan_outputs", "after_calls": 2}])
    session.run()
    assert struct.unpack("<f", session.outputs()[0].data[4:8]) == (1.0,)
    session.run()
    assert math.isnan(struct.unpack("<f", session.outputs()[0].data[4:8])[0])


def test_what_the_engine_says_of_its_own_time_is_left_out(folder: Path) -> None:
    """It would be this host's."""
    runtime = ModuleType("telling")
    runtime.load = lambda path, options: Telling(options)  # type: ignore[attr-defined]
    runtime.profile = lambda path, options: None  # type: ignore[attr-defined]
    on_board = shared.on_board("telling", runtime, {"simulated": {**TOLD, "folder": str(folder)}})
    assert not hasattr(on_board, "profile")
    assert not hasattr(on_board.load("m", OPTIONS), "engine_ns")


class Telling(fake.Session):
    def engine_ns(self) -> int:
        return 1


def test_a_page_that_is_half_written_says_nothing() -> None:
    assert shared.busy_ns(struct.pack("=qqqqq", 3, 5, 10, 20, 1_000_000), 30) is None
    assert shared.busy_ns(struct.pack("=qqqqq", 4, 5, 10, 20, 500_000), 15) == 5.0
    assert shared.busy_ns(struct.pack("=qqqqq", 4, 5, 10, 20, 1_000_000), 99) == 15.0


def test_a_board_that_is_gone_is_a_fault_of_one_line(tmp_path: Path) -> None:
    from benchfleet.agent.runner.contract import RuntimeFault

    with pytest.raises(RuntimeFault, match="the simulated board is gone"):
        shared.on_board("fake", fake, {"simulated": {**TOLD, "folder": str(tmp_path / "gone")}})


def test_what_runners_are_told_goes_through_json(folder: Path) -> None:
    assert shared.Board(json.loads(json.dumps({**TOLD, "folder": str(folder)})), 0).told.times == 2.0
