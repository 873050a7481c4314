"""A run of a real fleet, measured again and looked up in the history of its cell."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from benchfleet.controller.demo.fleet import LocalFleet, environment
from tests.support.documents import campaign
from tests.support.operator import Operator

PROGRAM = [sys.executable, "-c", "from benchfleet.controller.cli.main import main; main()"]
MEASURED = (0, 1, 3)
"""Agrees, does not, cannot tell: which of them is the host's to say. Anything else is a fault of ours."""


def benchfleet(fleet: LocalFleet, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [*PROGRAM, *arguments, "--credentials", str(fleet.credentials)]
    return subprocess.run(command, capture_output=True, text=True, timeout=400, env=environment(), check=False)


@pytest.mark.timeout(900)
def test_a_run_is_replayed_to_the_same_spec_and_both_are_in_the_history(fleet: LocalFleet, operator: Operator) -> None:
    made = operator.create(campaign(models=["digits:int8"], baseline={"model": "digits:fp32"}))
    (first,) = operator.wait_ended(made, 400)
    done = benchfleet(fleet, "replay", first, "--wait", "--json")
    assert done.returncode in MEASURED, done.stderr
    said = json.loads(done.stdout)
    assert said["outcome"] in ("agree", "disagree", "cannot tell")
    assert said["old_run"] == first
    assert said["changes"] == []
    (old,) = operator.results(made)[first]
    (new,) = operator.results(said["id"])[said["run"]]
    assert new.cell == old.cell
    assert said["metrics"]["accuracy_top1"]["before"] == said["metrics"]["accuracy_top1"]["now"]
    past = benchfleet(fleet, "history", "--model", "digits:int8", "--device", "one", "--check", "--json")
    assert past.returncode == 3  # two campaigns are not enough to say anything
    (track,) = json.loads(past.stdout)["tracks"]
    assert [point["run"] for point in track["points"]] == [first, said["run"]]
