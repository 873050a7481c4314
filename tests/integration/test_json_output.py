"""Every command that prints data prints it as JSON with --json, and nothing but JSON on standard output."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from typing import Any

import click
import pytest

from benchfleet.controller.cli.main import group
from benchfleet.controller.demo.commands import program
from benchfleet.controller.demo.fleet import AgentPlan, LocalFleet
from tests.integration.conftest import DATA, running_fleet
from tests.support.documents import campaign

POLICY = "apiVersion: benchfleet/v1\nkind: Policy\nhard: {model_size: '< 1 MB'}\n"
FP32, INT8 = str(DATA / "digits-fp32.onnx"), str(DATA / "digits-int8.onnx")
BUSY = (0, 3)
"""What a measurement may end with on a machine that does other work, too."""

CALLS: dict[str, tuple[str, ...]] = {
    "token create": ("--name", "later"),
    "inspect": (FP32,),
    "models push": (INT8, "--name", "digits:int8"),
    "models ls": (),
    "datasets push": (str(DATA / "digits-test.npz"), "--name", "digits-test"),
    "datasets ls": (),
    "plan": ("campaign.yaml",),
    "run": ("campaign.yaml", "--wait"),
    "watch": ("latest",),
    "results": ("latest",),
    "compare": ("latest",),
    "gate": ("latest", "--policy", "policy.yaml"),
    "cancel": ("latest",),
    "campaigns ls": (),
    "validate": (FP32, "--policy", "policy.yaml", "--on", "fleet=test", "--profile", "quick"),
    "credentials create": ("ana", "--role", "viewer", "-o", "ana.json", "--state", "controller"),
    "devices ls": (),
    "devices show": ("one",),
    "history": ("--model", "digits:fp32"),
    "replay": ("RUN",),
    "devices drain": ("one",),
    "devices quarantine": ("one", "--reason", "x"),
    "devices resume": ("one",),
    "devices revoke": ("one", "--reason", "x"),
    "audit": (),
}
"""In the order of a session; each is called with --json."""


def leaves(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    """Every command that does something, by what is typed."""
    if not isinstance(command, click.Group):
        yield " ".join(path), command
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        child = command.get_command(context, name)
        assert child is not None
        yield from leaves(child, (*path, name))


def test_a_command_either_has_json_or_writes_its_data_to_a_file():
    found = {path: {option for p in command.params for option in p.opts} for path, command in leaves(group)}
    assert {path for path, options in found.items() if "--json" in options} == set(CALLS)
    for path in set(found) - set(CALLS):
        assert found[path] & {"--output", "--ready-file"}, f"`benchfleet {path}` needs --json"


@pytest.fixture(scope="module")
def fleet() -> Iterator[LocalFleet]:
    with running_fleet(AgentPlan(name="one", labels={"fleet": "test"})) as made:
        (made.root / "campaign.yaml").write_text(campaign(models=["digits:fp32"]))
        (made.root / "policy.yaml").write_text(POLICY)
        yield made


@pytest.mark.timeout(900)
def test_each_prints_one_json_value_in_a_session_of_all(fleet: LocalFleet) -> None:
    environment = {
        **os.environ,
        "BENCHFLEET_CREDENTIALS": str(fleet.credentials),
        "XDG_STATE_HOME": str(fleet.root / "xdg"),
    }
    said: dict[str, Any] = {}
    for path, given in CALLS.items():
        arguments = [said["results"][0]["run_id"] if each == "RUN" else each for each in given]
        done = subprocess.run(
            [program("benchfleet"), *path.split(), *arguments, "--json"],
            cwd=fleet.root,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode in BUSY, f"{path}: {done.stderr}"
        said[path] = json.loads(done.stdout)
    assert said["cancel"]["runs"] == {"succeeded": 1}
    assert said["devices drain"]["admission"] == "draining"
    assert said["devices revoke"]["admission"] == "revoked"
    assert "key_pem" not in said["credentials create"]
    assert [row["cell_key"] for row in said["results"]] == ["digits:fp32/onnx onnxruntime t1 b1 single_stream"]
