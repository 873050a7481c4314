"""A join token works once: what would waste it, or send away a device that works, is found before."""

from __future__ import annotations

import asyncio
import json
import threading

import pytest
from click.testing import CliRunner

from benchfleet.agent.join import join
from benchfleet.controller.app import Controller, Settings
from benchfleet.controller.cli.main import group
from benchfleet.core.errors import ConflictError, RefusedError, UnreachableError

START_S = 30.0


@pytest.fixture(scope="module")
def loop():
    made = asyncio.new_event_loop()
    thread = threading.Thread(target=made.run_forever, daemon=True)
    thread.start()
    yield made
    made.call_soon_threadsafe(made.stop)
    thread.join(START_S)


def started(loop, state):
    address = "127.0.0.1:0"
    made = Controller(Settings(state=state, grpc=address, enroll=address, http=address))
    asyncio.run_coroutine_threadsafe(made.start(), loop).result(START_S)
    return made


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("controller")


@pytest.fixture(scope="module")
def controller(loop, folder):
    made = started(loop, folder)
    yield made
    asyncio.run_coroutine_threadsafe(made.stop(), loop).result(START_S)


@pytest.fixture
def token(controller, folder):
    """Makes one by the command."""

    def make(name: str, *more: str) -> str:
        credentials = str(folder / "admin.json")
        done = CliRunner().invoke(
            group,
            ["token", "create", "--name", name, "--json", *more, "--credentials", credentials],
            standalone_mode=False,
        )
        if done.exception is not None:
            raise done.exception
        return json.loads(done.stdout)["token"]

    return make


@pytest.mark.parametrize(
    ("where", "raised", "says"),
    [
        ("enroll", RefusedError, "is the enrolment port"),
        ("http", UnreachableError, "is no fleet port"),
        ("nothing", UnreachableError, "is no fleet port"),
    ],
)
def test_a_wrong_fleet_port_leaves_the_token_as_it_was(controller, token, tmp_path, where, raised, says):
    text, address = token(f"at-{where}"), getattr(controller.addresses, where, "127.0.0.1:1")
    with pytest.raises(raised, match=f"{says}.*token was not used"):
        join(text, address, tmp_path)
    assert join(text, controller.addresses.grpc, tmp_path).device == f"at-{where}"


def test_the_fleet_port_of_another_fleet_leaves_the_token_as_it_was(controller, token, loop, tmp_path):
    other = started(loop, tmp_path / "other")
    text = token("elsewhere")
    with pytest.raises(RefusedError, match=r"not of the fleet.*token was not used"):
        join(text, other.addresses.grpc, tmp_path / "agent", controller.addresses.enroll)
    asyncio.run_coroutine_threadsafe(other.stop(), loop).result(START_S)
    assert join(text, controller.addresses.grpc, tmp_path / "agent").device == "elsewhere"


def test_a_token_that_would_replace_a_device_is_made_only_when_that_is_said(controller, token, tmp_path):
    join(token("pi"), controller.addresses.grpc, tmp_path / "first")
    with pytest.raises(ConflictError, match=r"pi has joined already.*--replace"):
        token("pi")
    assert join(token("pi", "--replace"), controller.addresses.grpc, tmp_path / "second").device == "pi"
