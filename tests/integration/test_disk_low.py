"""A device whose disk is short, in a real fleet: refused with the reason, and measured again once there is room."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchfleet.controller.demo.fleet import AgentPlan, LocalFleet
from benchfleet.v1 import campaign_pb2
from tests.integration.conftest import running_fleet
from tests.support.documents import campaign
from tests.support.operator import Operator

pytestmark = pytest.mark.debian

CAMPAIGN_S = 120.0
DOCUMENT = campaign(models=["digits:int8"], devices={"selector": "disk=small"}, dataset=None)


def mount(folder: Path, *options: str) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", ",".join(options), "tmpfs", folder], check=True)


@pytest.fixture
def small_disk() -> Iterator[tuple[LocalFleet, Path]]:
    """A fleet whose one agent has its state on a disk of 12 MB."""
    with contextlib.ExitStack() as after, running_fleet() as fleet:
        state = fleet.root / "small"
        state.mkdir()
        mount(state, "size=12m")
        after.callback(shutil.rmtree, fleet.root, ignore_errors=True)  # what the mount kept from being removed
        after.callback(subprocess.run, ["umount", state], check=True)
        fleet.add_agent(AgentPlan(name="small", labels={"disk": "small"}))
        fleet.wait_online()
        yield fleet, state


def test_a_device_without_room_refuses_and_measures_once_it_has_some(small_disk: tuple[LocalFleet, Path]) -> None:
    fleet, state = small_disk
    operator = Operator(fleet.credentials)
    try:
        made = operator.create(DOCUMENT)
        (run,) = operator.wait_ended(made, CAMPAIGN_S).values()
        assert (run.state, run.reason) == (campaign_pb2.RUN_STATE_FAILED, "disk_low")
        assert "MB are free in" in run.detail
        assert not list((state / "cache").iterdir())
        mount(state, "remount", "size=64m")
        made = operator.create(DOCUMENT)
        (run,) = operator.wait_ended(made, CAMPAIGN_S).values()
        assert run.state == campaign_pb2.RUN_STATE_SUCCEEDED, run
    finally:
        operator.close()


def test_a_disk_that_fills_while_measuring_costs_no_result(small_disk: tuple[LocalFleet, Path]) -> None:
    fleet, state = small_disk
    mount(state, "remount", "size=32m")
    operator = Operator(fleet.credentials)
    try:
        made = operator.create(DOCUMENT)
        operator.wait_runs(made, lambda runs: any(list((state / "work").glob("*")) for _ in runs), CAMPAIGN_S)
        with (state / "somebody-else").open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(b"x" * 4096)
        (run,) = operator.wait_ended(made, CAMPAIGN_S).values()
        # Measured or not, the controller has a result that says how it went: nothing was lost on the way.
        (results,) = operator.results(made).values()
        assert len(results) == 1
        assert results[0].outcome in ("ok", "failed")
        assert run.state in (campaign_pb2.RUN_STATE_SUCCEEDED, campaign_pb2.RUN_STATE_FAILED)
    finally:
        operator.close()
