"""Power modes on a real fleet whose /sys is a tree of ours: set, told, put back, also after kill -9 of the agent."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from benchfleet.controller.demo.fleet import AgentPlan, LocalFleet
from benchfleet.v1 import agent_pb2, campaign_pb2
from tests.integration.conftest import running_fleet
from tests.support.documents import campaign
from tests.support.operator import Operator
from tests.support.power import cpufreq_tree, governors

CAMPAIGN_S = 300.0
SUCCEEDED = campaign_pb2.RUN_STATE_SUCCEEDED
pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return cpufreq_tree(tmp_path_factory.mktemp("board"), ("schedutil", "powersave"))


@pytest.fixture(scope="module")
def fleet(board: Path) -> Iterator[LocalFleet]:
    sysfs = ("--path.sysfs", str(board / "sys"))
    with running_fleet(
        AgentPlan(name="one", labels={"role": "first"}, options=(*sysfs, "--allow-power-modes")),
        AgentPlan(name="two", labels={"role": "second"}, options=sysfs),
    ) as made:
        yield made


@pytest.fixture(scope="module")
def operator(fleet: LocalFleet) -> Iterator[Operator]:
    made = Operator(fleet.credentials)
    yield made
    made.close()


def document(**changes: object) -> str:
    matrix = {"runtime": ["null"], "power_mode": ["performance", "cpufreq:powersave"]}
    mine = {"models": ["digits:fp32"], "devices": ["one"], "dataset": None, "matrix": matrix}
    return campaign(**{**mine, **changes})


def found(board: Path) -> bool:
    return governors(board) == ["schedutil", "powersave"]


def test_a_plan_says_which_device_may_not_and_which_has_no_such_mode(fleet: LocalFleet, tmp_path: Path) -> None:
    file = tmp_path / "campaign.yaml"
    matrix = {"runtime": ["null"], "power_mode": ["performance", "performanse"]}
    file.write_text(document(devices=["one", "two"], matrix=matrix))
    cells = fleet.commands.data("plan", str(file), "--json")["cells"]
    said = {(c["device"], c["power_mode"]): c["pruned_reason"] for c in cells}
    assert said["one", "performance"] is None
    assert "did you mean 'performance'" in said["one", "performanse"]
    assert said["two", "performance"] == "the agent of two may not set power modes; start it with --allow-power-modes"


def test_each_mode_is_measured_in_its_block_and_the_board_is_as_it_was(
    board: Path, operator: Operator, fleet: LocalFleet
) -> None:
    made = operator.create(document())
    runs = operator.wait_ended(made, CAMPAIGN_S)
    assert [run.state for run in runs.values()] == [SUCCEEDED] * 2, runs
    told = {}
    for run_id, (result,) in operator.results(made).items():
        told[runs[run_id].cell.power_mode] = (result.provenance["power_mode"], result.provenance["governor"])
    assert told == {"performance": ("performance",) * 2, "cpufreq:powersave": ("powersave",) * 2}
    assert found(board)
    shown = [row["cell_key"] for row in fleet.commands.data("results", made, "--json")]
    assert [key.partition(" power_mode=")[2] for key in shown] == ["performance", "cpufreq:powersave"]


def test_an_agent_killed_in_a_mode_leaves_the_board_as_it_was_and_each_run_with_one_result(
    board: Path, operator: Operator, fleet: LocalFleet
) -> None:
    made = operator.create(document(runtime_options={"null": {"latency_us": 20_000}}))
    operator.wait_runs(
        made, lambda runs: any(run.phase == agent_pb2.PHASE_MEASURING for run in runs.values()), CAMPAIGN_S
    )
    fleet.services.kill("one")
    assert governors(board) == ["performance", "performance"]
    assert (fleet.root / "one/power_modes/journal.json").exists()
    fleet.start_agent("one")
    runs = operator.wait_ended(made, CAMPAIGN_S)
    assert [run.state for run in runs.values()] == [SUCCEEDED] * 2, runs
    assert sorted(run.attempts for run in runs.values()) == [1, 2]
    assert {run_id: len(results) for run_id, results in operator.results(made).items()} == dict.fromkeys(runs, 1)
    assert found(board)
    assert not (fleet.root / "one/power_modes/journal.json").exists()


def test_a_cancelled_campaign_leaves_the_board_as_it_was(board: Path, operator: Operator, fleet: LocalFleet) -> None:
    made = operator.create(document(measure={"profile": "standard"}))
    operator.wait_runs(
        made, lambda runs: any(run.phase == agent_pb2.PHASE_MEASURING for run in runs.values()), CAMPAIGN_S
    )
    assert not found(board)
    operator.cancel(made)
    fleet.services.wait_until(lambda: found(board), "the board as it was", 60.0)


def test_a_run_is_not_replayed_on_a_device_that_lost_the_permission(
    board: Path, operator: Operator, fleet: LocalFleet
) -> None:
    (run_id, *_) = operator.runs(operator.create(document()))
    fleet.services.kill("one")
    fleet.agents["one"] = replace(fleet.agents["one"], options=("--path.sysfs", str(board / "sys")))
    fleet.start_agent("one")
    fleet.services.wait_until(lambda: not allowed(fleet), "the session of an agent without permission", 60.0)
    assert fleet.commands.show("replay", run_id, allowed=(2,)) == 2


def allowed(fleet: LocalFleet) -> bool:
    device = fleet.commands.data("devices", "show", "one", "--json")
    return bool(device["inventory"]["power_modes_allowed"]) or not device["online"]
