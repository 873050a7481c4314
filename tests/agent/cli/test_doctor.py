"""The doctor's exit code says whether there is a problem, and its commands can be copied."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner

from benchfleet.agent.cli.doctor import command

DEVICES = Path(__file__).parents[2] / "fixtures" / "devices"


def asked(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(command, list(arguments), catch_exceptions=False)
    return done.exit_code, done.output


def test_a_problem_is_exit_code_3_and_its_command_is_one_line():
    code, said = asked("--replay", str(DEVICES / "intel-haswell-powercap"), "--unprivileged")
    assert code == 3
    (line,) = [line for line in said.splitlines() if "systemd-tmpfiles" in line]
    assert line.strip().startswith("> echo 'z /sys/class/powercap")
    assert "0 of 1 sensors were read; 1 problems" in said


def test_notes_alone_are_exit_code_0():
    code, said = asked("--replay", str(DEVICES / "intel-haswell-powercap"), "--json")
    data = json.loads(said)
    assert (code, data["problems"]) == (0, 0)
    assert [finding["level"] for finding in data["findings"]] == ["note"]


def test_this_machine_is_looked_at():
    code, said = asked("--json")
    assert code in (0, 3)
    assert (code == 3) == bool(json.loads(said)["problems"])
