"""A real fleet on loopback: the controller and the agents as processes, mutual TLS, the shipped models pushed."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchfleet.controller.demo.fleet import AgentPlan, LocalFleet, environment, start
from benchfleet.controller.demo.processes import Services
from tests.support.operator import Operator

DATA = Path(__file__).parents[2] / "controller/src/benchfleet/controller/demo/data"


@contextlib.contextmanager
def running_fleet(*plans: AgentPlan) -> Iterator[LocalFleet]:
    """A fleet with fp32 and int8 (ONNX) and the test set, up until the block ends."""
    with (
        tempfile.TemporaryDirectory(prefix="benchfleet-test-", ignore_cleanup_errors=True) as root,
        Services(Path(root), environment()) as services,
    ):
        fleet = start(Path(root), services, environment())
        for plan in plans:
            fleet.add_agent(plan)
        fleet.wait_online()
        for precision in ("fp32", "int8"):
            fleet.commands.show(
                "models", "push", str(DATA / f"digits-{precision}.onnx"), "--name", f"digits:{precision}"
            )
        fleet.commands.show("datasets", "push", str(DATA / "digits-test.npz"), "--name", "digits-test")
        yield fleet


@pytest.fixture
def fleet() -> Iterator[LocalFleet]:
    """One agent, for tests that break something."""
    with running_fleet(AgentPlan(name="one", labels={"fleet": "test"})) as made:
        yield made


@pytest.fixture
def operator(fleet: LocalFleet) -> Iterator[Operator]:
    """The operator of `fleet`."""
    made = Operator(fleet.credentials)
    yield made
    made.close()


@pytest.fixture(scope="module")
def pair() -> Iterator[LocalFleet]:
    """Two agents of different settings, for tests that only use them."""
    with running_fleet(
        AgentPlan(name="one", labels={"fleet": "test", "role": "first"}),
        AgentPlan(name="two", labels={"fleet": "test", "role": "second"}, options=("--max-threads", "1")),
    ) as made:
        yield made


@pytest.fixture(scope="module")
def pair_operator(pair: LocalFleet) -> Iterator[Operator]:
    """The operator of `pair`."""
    made = Operator(pair.credentials)
    yield made
    made.close()
