"""What the demo does with its fleet, step by step; every step is a command that the user may repeat."""

from __future__ import annotations

import signal
import tempfile
from importlib.resources import as_file, files
from pathlib import Path

import click

from benchfleet.controller.demo.fleet import AgentPlan, LocalFleet, environment, start
from benchfleet.controller.demo.processes import Services, signals_as_interrupt

HEAT_TIMES = "60"
"""How many times as fast simulated heat moves: seconds of load are minutes to the board."""

AGENTS = (
    AgentPlan(name="agent-one", labels={"fleet": "demo", "role": "first"}),
    AgentPlan(name="agent-two", labels={"fleet": "demo", "role": "second"}, options=("--max-threads", "1")),
)
SIMULATED = tuple(
    AgentPlan(
        name=name,
        labels={"fleet": "demo", "role": "simulated"},
        options=("--simulate", board, "--time-factor", HEAT_TIMES),
    )
    for name, board in (("simulated-orin", "jetson-orin-nano"), ("simulated-coral", "coral-dev-board"))
)
"""Boards that nobody has here: the first has one runtime of the campaign, the second the other."""

PRECISIONS = ("fp32", "fp16", "int8")
FORMATS = ("onnx", "tflite")
GATE_CODES = (0, 1, 3)
"""Passed, failed, no evidence: the demo shows the gate's answer, whatever it is."""


def run(output: Path, *, keep: bool) -> None:
    """The whole demo; what it made lies in `output`, nothing else stays."""
    with (
        signals_as_interrupt(),
        tempfile.TemporaryDirectory(prefix="benchfleet-demo-", ignore_cleanup_errors=True) as root,
        Services(Path(root), environment()) as services,
        as_file(files("benchfleet.controller.demo")) as shipped,
    ):
        say("starting a controller, two agents of this host and two of simulated boards on loopback")
        fleet = start(Path(root), services, environment())
        for plan in (*AGENTS, *SIMULATED):
            fleet.add_agent(plan)
        fleet.wait_online()
        fleet.commands.show("devices", "ls")
        push(fleet, shipped / "data")
        measure(fleet, shipped)
        judge(fleet, shipped / "policy-fleet.yaml", output)
        if keep:
            stay(fleet)


def push(fleet: LocalFleet, data: Path) -> None:
    """The six model files and the test set."""
    for precision in PRECISIONS:
        parent = () if precision == "fp32" else ("--parent", "digits:fp32")
        for suffix in FORMATS:
            fleet.commands.show(
                "models", "push", str(data / f"digits-{precision}.{suffix}"), "--name", f"digits:{precision}", *parent
            )
    fleet.commands.show("datasets", "push", str(data / "digits-test.npz"), "--name", "digits-test")


def measure(fleet: LocalFleet, shipped: Path) -> None:
    """The campaign, with its comparison at the end; a run that failed is part of the picture."""
    fleet.commands.show("run", str(shipped / "campaign.yaml"), "--watch", allowed=(0, 3, 5))
    fleet.services.check()


def judge(fleet: LocalFleet, policy: Path, output: Path) -> None:
    """The gate of the campaign, and its files in `output`."""
    output.mkdir(parents=True, exist_ok=True)
    show = fleet.commands.show
    code = show("gate", "latest", "--policy", str(policy), "--junit", str(output / "gate.xml"), allowed=GATE_CODES)
    show("report", "latest", "--policy", str(policy), "-o", str(output / "report.html"))
    show("export", "latest", "--format", "json", "-o", str(output / "results.json"))
    say({0: "the gate passed", 1: "the gate failed", 3: "the gate found no evidence"}[code])
    say(f"report.html, gate.xml and results.json are in {output}")


def stay(fleet: LocalFleet) -> None:
    """Keeps the fleet up until a signal ends it."""
    say(f"the fleet stays up until Ctrl-C: http://{fleet.addresses.http}")
    say(f"use it from another terminal: export BENCHFLEET_CREDENTIALS={fleet.credentials}")
    while True:
        signal.pause()


def say(text: str) -> None:
    """One line about what happens, on stderr."""
    click.secho(f"demo: {text}", fg="cyan", err=True)
