"""A simulated board in a real fleet: its agent measures, and nobody is left to think that the board was there."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from benchfleet.controller.demo.fleet import AgentPlan, LocalFleet
from benchfleet.v1 import campaign_pb2
from tests.integration.conftest import running_fleet
from tests.support.documents import campaign
from tests.support.operator import Operator

CAMPAIGN_S = 400.0
pytestmark = pytest.mark.timeout(600)


@pytest.fixture
def fleet() -> Iterator[LocalFleet]:
    simulated = ("--simulate", "jetson-orin-nano", "--time-factor", "60")
    with running_fleet(AgentPlan(name="demo-orin", labels={"fleet": "test"}, options=simulated)) as made:
        yield made


def test_a_simulated_agent_is_marked_from_its_inventory_to_the_gate(fleet: LocalFleet, operator: Operator, tmp_path):
    (device,) = fleet.commands.data("devices", "ls", "--json")
    assert device["inventory"]["simulated"] is True
    assert device["inventory"]["board"] == "jetson-orin-nano"
    made = operator.create(campaign(models=["digits:int8"], baseline=None))
    (run,) = operator.wait_ended(made, CAMPAIGN_S).values()
    assert run.state == campaign_pb2.RUN_STATE_SUCCEEDED
    ((result,),) = operator.results(made).values()
    assert result.provenance["simulated"] is True
    assert result.provenance["simulated_board"] == "jetson-orin-nano"
    assert "simulated" in {reason.flag for reason in result.reasons}
    assert "ina3221/total/power" in result.provenance["simulated_sensors"]
    assert result.metrics["temperature_c_max"].source == "thermal_zone/cpu-thermal"
    policy = tmp_path / "policy.yaml"
    policy.write_text('apiVersion: benchfleet/v1\nkind: Policy\nname: p\nhard: {model_size: "< 1 MB"}\n')
    gate = tmp_path / "gate.xml"
    fleet.commands.show("gate", made, "--policy", str(policy), "--junit", str(gate), allowed=(3,))
    assert "no jetson-orin-nano was there" in gate.read_text()
    report = tmp_path / "report.html"
    fleet.commands.show("report", made, "-o", str(report))
    assert "demo-orin (SIMULATED jetson-orin-nano)" in report.read_text()
    assert json.loads(json.dumps(device["inventory"]["facts"]))["simulated_time_factor"] == "60"
