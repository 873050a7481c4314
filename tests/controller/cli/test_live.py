"""The board of `run --watch`: whatever a campaign holds, it fits the terminal and says what does not fit."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from benchfleet.controller.cli import _progress
from benchfleet.controller.cli._live import Board
from benchfleet.v1 import agent_pb2
from benchfleet.v1 import campaign_pb2 as pb

MODELS = ("digits:fp32", "digits:fp16", "digits:int8")


def run(index: int, **fields) -> pb.Run:
    cell = pb.PlannedCell(
        device=("pi5-lab", "orin-nano-in-the-cellar-of-berlin")[index % 2],
        model=MODELS[index // 2 % 3],
        format="onnx",
        runtime=("onnxruntime", "litert")[index // 6 % 2],
        threads=(1, 2, 4, 8)[index // 12 % 4],
        batch=(1, 8, 32, 64, 128)[index // 48 % 5],
        scenario="single_stream",
    )
    cell.cell_key = f"{cell.model}/{cell.format} {cell.runtime} t{cell.threads} b{cell.batch} {cell.scenario}"
    return pb.Run(id=f"r{index}", cell=cell, **{"state": pb.RUN_STATE_QUEUED, **fields})


def news(*runs: pb.Run) -> pb.WatchCampaignResponse:
    return pb.WatchCampaignResponse(campaign=pb.Campaign(id="c-1", name="boards"), runs=runs)


def shown(board: Board, width: int, height: int) -> list[str]:
    console = Console(file=io.StringIO(), width=width, height=height, force_terminal=True, color_system=None)
    console.print(board)
    return console.file.getvalue().splitlines()


def campaign(count: int) -> Board:
    """Two at work, one of each ending, the rest in the queue."""
    runs = [run(index) for index in range(count)]
    for index, fraction in ((4, 0.45), (5, 7.0)):
        runs[index] = run(index, state=pb.RUN_STATE_LEASED, phase=agent_pb2.PHASE_MEASURING, fraction=fraction)
    for index, verdict in enumerate(("valid", "degraded", "invalid")):
        runs[index] = run(index, state=pb.RUN_STATE_SUCCEEDED, verdict=verdict)
    crash = "runner died of SIGSEGV\n\x1b[2J[bold red]" + "x" * 3000
    runs[3] = run(3, state=pb.RUN_STATE_FAILED, reason="runner_signal", detail=crash)
    board = Board()
    board.update(news(*runs))
    return board


@pytest.mark.parametrize("count", [6, 12, 200])
@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 24), (200, 60), (40, 5), (20, 1)])
def test_it_is_never_wider_or_taller_than_the_terminal(count, width, height):
    lines = shown(campaign(count), width, height)
    assert max(map(len, lines)) <= width
    assert len(lines) < max(height, 4)
    assert not any(ord(c) < 32 for line in lines for c in line)


def test_what_does_not_fit_is_counted():
    lines = shown(campaign(200), 80, 24)
    assert lines[0] == "boards: 4 of 200 runs ended: 1 valid, 1 degraded, 1 invalid, 1 failed"
    assert lines[-1] == "… 179 more: 179 queued"
    assert len(lines) == 23


def test_what_is_at_work_comes_first_with_device_phase_and_fraction():
    lines = shown(campaign(200), 80, 24)
    assert lines[1].split()[:1] + lines[1].split()[-2:] == ["orin-nano-in-the-ce…", "measuring", "100%"]
    assert lines[2].split()[:1] + lines[2].split()[-2:] == ["pi5-lab", "measuring", "45%"]


def test_a_run_that_just_ended_stands_before_those_that_ended_earlier():
    board = campaign(12)
    board.update(news(run(4, state=pb.RUN_STATE_SUCCEEDED, verdict="valid")))
    lines = shown(board, 100, 24)
    assert lines[2].split()[0] == "pi5-lab"
    assert lines[2].split()[-1] == "valid"
    assert lines[0].startswith("boards: 5 of 12")


def test_a_wide_terminal_shows_why_a_run_failed():
    (failed,) = [line for line in shown(campaign(12), 140, 24) if "failed" in line and "boards" not in line]
    assert "runner_signal runner died of SIGSEGV" in failed


def test_elsewhere_each_change_is_one_plain_line(monkeypatch, capsys):
    steps = [
        news(run(0), run(1)),
        news(run(0, state=pb.RUN_STATE_LEASED, phase=agent_pb2.PHASE_MEASURING, fraction=0.2)),
        news(run(0, state=pb.RUN_STATE_LEASED, phase=agent_pb2.PHASE_MEASURING, fraction=0.4)),
        news(run(0, state=pb.RUN_STATE_SUCCEEDED, verdict="degraded")),
    ]
    monkeypatch.setattr(_progress, "follow", lambda session, campaign_id, say: iter(steps))
    _progress._plain(None, "c-1")
    lines = capsys.readouterr().err.splitlines()
    cell = "pi5-lab  digits:fp32/onnx onnxruntime t1 b1 single_stream"
    assert lines == [f"{cell}  measuring", f"{cell}  degraded"]
