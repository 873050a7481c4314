"""A controller and its agents on loopback, as real processes with a state of their own."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from benchfleet.controller.demo.commands import Commands, program
from benchfleet.controller.demo.processes import Services

START_TIMEOUT_S = 60.0
"""A cold start on a busy two-core machine takes 15 s."""
FREE_PORT = "127.0.0.1:0"


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentPlan:
    """One agent of the fleet: its device name, labels, and options of `benchfleet-agent run`."""

    name: str
    labels: Mapping[str, str]
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Where a controller listens, each HOST:PORT; port 0 takes a free one."""

    grpc: str = FREE_PORT
    enroll: str = FREE_PORT
    http: str = FREE_PORT


@dataclass(slots=True, kw_only=True)
class LocalFleet:
    """The processes of a fleet below `root`; the commands of its operator."""

    root: Path
    services: Services
    commands: Commands
    addresses: Addresses = field(default_factory=Addresses)
    agents: dict[str, AgentPlan] = field(default_factory=dict)

    @property
    def credentials(self) -> Path:
        """The operator's credentials file."""
        return self.root / "controller" / "admin.json"

    def start_controller(self) -> None:
        """Starts a controller, after a kill on the ports it had, and waits until it serves."""
        ready = self.root / "ready.json"
        ready.unlink(missing_ok=True)
        where = (
            *("--grpc", self.addresses.grpc, "--enroll", self.addresses.enroll, "--http", self.addresses.http),
            *("--state", str(self.root / "controller"), "--ready-file", str(ready)),
        )
        self.services.start("controller", [program("benchfleet"), "serve", *where])
        self.services.wait_until(ready.is_file, "the start of the controller", START_TIMEOUT_S)
        said = json.loads(ready.read_text())
        self.addresses = Addresses(grpc=said["grpc"], enroll=said["enroll"], http=said["http"])

    def add_agent(self, plan: AgentPlan) -> None:
        """Makes a token, joins with it, and starts the agent."""
        labels = [part for key, value in plan.labels.items() for part in ("--label", f"{key}={value}")]
        token = self.commands.data("token", "create", "--name", plan.name, *labels, "--json")["token"]
        join = ["join", token, "--controller", self.addresses.grpc]
        self.services.finish(self.services.start(f"{plan.name}-join", self._agent(plan.name, *join)), START_TIMEOUT_S)
        self.agents[plan.name] = plan
        self.start_agent(plan.name)

    def start_agent(self, name: str) -> None:
        """Starts an agent that has joined."""
        self.services.start(name, self._agent(name, "run", *self.agents[name].options))

    def wait_online(self) -> None:
        """Returns when every agent has a session."""

        def all_online() -> bool:
            devices = self.commands.data("devices", "ls", "--json")
            return {d["name"] for d in devices if d["online"]} >= set(self.agents)

        self.services.wait_until(all_online, f"the session of {' and '.join(self.agents)}", START_TIMEOUT_S)

    def _agent(self, name: str, command: str, *options: str) -> list[str]:
        return [program("benchfleet-agent"), command, *options, "--state", str(self.root / name)]


def start(root: Path, services: Services, environment: Mapping[str, str]) -> LocalFleet:
    """A fleet of a controller alone, on free ports of loopback, with its state below `root`."""
    mine = {**environment, "BENCHFLEET_CREDENTIALS": str(root / "controller" / "admin.json")}
    fleet = LocalFleet(root=root, services=services, commands=Commands(mine))
    fleet.start_controller()
    return fleet


OF_THE_HOST = ("BENCHFLEET_HOST_LOCK", "BENCHFLEET_PYTHON_")
"""Where agents of this host take turns, and which interpreters it has: these lead to no fleet."""


def environment() -> dict[str, str]:
    """Ours, without settings that would lead the commands to another fleet."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("BENCHFLEET_") or name.startswith(OF_THE_HOST)
    }
