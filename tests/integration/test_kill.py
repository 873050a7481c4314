"""Whatever is killed, each run is accounted for exactly once and the campaign ends."""

from __future__ import annotations

import os
import select
import signal
from pathlib import Path

import psutil
import pytest

from benchfleet.v1 import agent_pb2, campaign_pb2
from tests.support.documents import campaign
from tests.support.operator import Runs

CAMPAIGN_S = 170.0
LEASED = campaign_pb2.RUN_STATE_LEASED
SUCCEEDED = campaign_pb2.RUN_STATE_SUCCEEDED
MEASURING = agent_pb2.PHASE_MEASURING


def measuring(runs: Runs) -> bool:
    """Whether some run is being measured now."""
    return any(r.state == LEASED and r.phase == MEASURING for r in runs.values())


@pytest.mark.timeout(240)
def test_controller_killed_in_a_campaign_loses_no_run_and_counts_none_twice(fleet, operator):
    made = operator.create(campaign(baseline={"model": "digits:fp32"}))
    before = operator.wait_runs(made, measuring, 90)
    fleet.services.kill("controller")
    fleet.start_controller()
    runs = operator.wait_ended(made, CAMPAIGN_S)
    assert set(runs) == set(before)
    assert all(run.state == SUCCEEDED for run in runs.values()), runs
    results = operator.results(made)
    assert {run_id: len(found) for run_id, found in results.items()} == dict.fromkeys(runs, 1)


@pytest.mark.timeout(240)
def test_agent_killed_in_a_run_takes_its_runner_with_it_and_the_run_is_done_again(fleet, operator):
    made = operator.create(campaign(models=["digits:int8"]))
    operator.wait_runs(made, measuring, 90)
    agent = fleet.services.named("one").process.pid
    runners = [os.pidfd_open(child.pid) for child in psutil.Process(agent).children(recursive=True)]
    assert runners, "a run that is measured has a runner"
    fleet.services.kill("one")
    for pidfd in runners:
        assert select.select([pidfd], [], [], 10)[0], "the runner outlived its daemon"
        os.close(pidfd)
    fleet.start_agent("one")
    (run,) = operator.wait_ended(made, CAMPAIGN_S).values()
    assert run.state == SUCCEEDED, run
    assert run.attempts >= 2
    assert len(operator.results(made)[run.id]) == 1


@pytest.mark.timeout(300)
@pytest.mark.parametrize("killed", [("one",), ("controller",), ("controller", "one")], ids="+".join)
def test_whatever_is_killed_in_a_block_of_six_each_of_its_runs_has_one_result(fleet, operator, killed):
    made = operator.create(campaign(matrix={"runtime": ["onnxruntime"], "batch": [1, 2, 4]}, scenarios=["offline"]))
    before = operator.wait_runs(made, lambda runs: all(r.phase == MEASURING for r in runs.values()), 90)
    assert len(before) == 6
    for name in killed:
        fleet.services.kill(name)
    if "controller" in killed:
        fleet.start_controller()
    if "one" in killed:
        fleet.start_agent("one")
    runs = operator.wait_ended(made, CAMPAIGN_S)
    assert set(runs) == set(before)
    assert [run.state for run in runs.values()] == [SUCCEEDED] * 6, runs
    # An agent that lives on goes on with what it was told, unless the controller was away for longer than a lease.
    attempts = {run.attempts for run in runs.values()}
    assert attempts == {2} if "one" in killed else attempts <= {1, 2}
    results = operator.results(made)
    assert {run_id: len(found) for run_id, found in results.items()} == dict.fromkeys(runs, 1)
    blocks = {found[0].provenance["block"]["id"] for found in results.values()}
    assert len(blocks) == 1, "the runs were not measured as one block"


def test_agent_asked_to_end_ends_and_leaves_no_process(fleet):
    service = fleet.services.named("one")
    family = [service.process.pid, *(c.pid for c in psutil.Process(service.process.pid).children(recursive=True))]
    os.kill(service.process.pid, signal.SIGTERM)
    service.process.wait(20)
    assert not [pid for pid in family if Path(f"/proc/{pid}").exists()]
