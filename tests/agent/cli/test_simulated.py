"""The options of simulated boards: what does not go together is one line."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from benchfleet.agent.cli import bench, probe, run
from tests.support.attempts import DATA


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--simulate", "raspberry-pi-6"], "did you mean raspberry-pi-5"),
        (["--time-factor", "60"], "goes with --simulate"),
        (["--simulate", "raspberry-pi-5", "--time-factor", "1e9"], "range"),
        (["--simulate", "raspberry-pi-5", "--meter", "http://127.0.0.1:1"], "--meter is for real ones"),
    ],
)
@pytest.mark.parametrize("command", ["bench", "probe", "run"])
def test_what_does_not_go_together_is_one_line(
    command: str, arguments: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = {"bench": bench.command, "probe": probe.command, "run": run.command}[command]
    if command == "bench":
        arguments = [str(DATA / "digits-fp32.tflite"), *arguments]
    if command == "run":
        monkeypatch.setattr("benchfleet.agent.identity.load", lambda folder: None)
        arguments = ["--state", str(tmp_path), *arguments]
    done = CliRunner().invoke(made, arguments)
    assert done.exit_code != 0
    assert said in (done.output + str(done.exception))


def test_a_probe_of_a_simulated_board_says_so_in_json() -> None:
    import json

    done = CliRunner().invoke(probe.command, ["--simulate", "jetson-orin-nano", "--json"])
    said = json.loads(done.stdout)
    assert said["simulated"] == "jetson-orin-nano"
    assert said["inventory"]["simulated"] is True
    assert said["totals"]["power_w"]["value"] == pytest.approx(4.85, abs=0.03)
    assert said["totals"]["power_w"]["scope"] == "module"
    assert all(sensor["simulated"] for sensor in said["sensors"])
