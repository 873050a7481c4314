"""A controller and its agents on loopback, as real processes with a state of their own."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchfleet.controller.demo.commands import Commands, program
from benchfleet.controller.demo.processes import Services

START_TIMEOUT_S = 60.0
"""A cold start on a busy two-core machine takes 15 s; an hour of silence is what this bounds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentPlan:
    """One agent of the fleet: its device name, labels, and options of `benchfleet-agent run`."""

    name: str
    labels: Mapping[str, str]
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Where a started controller listens, as HOST:PORT."""

    grpc: str
    http: str


@dataclass(slots=True, kw_only=True)
class LocalFleet:
    """The processes of a fleet below `root`; the commands of its operator."""

    root: Path
    services: Services
    commands: Commands
    addresses: Addresses
    agents: list[str] = field(default_factory=list)

    @property
    def credentials(self) -> Path:
        """The operator's credentials file."""
        return self.root / "controller" / "admin.json"

    def add_agent(self, plan: AgentPlan) -> None:
        """Makes a token, joins with it, and starts the agent."""
        agent = program("benchfleet-agent")
        state = self.root / plan.name
        labels = [part for key, value in plan.labels.items() for part in ("--label", f"{key}={value}")]
        token = self.commands.data("token", "create", "--name", plan.name, *labels, "--json")["token"]
        join = self.services.start(
            f"{plan.name}-join", [agent, "--state", str(state), "join", token, "--controller", self.addresses.grpc]
        )
        self.services.finish(join, START_TIMEOUT_S)
        self.services.start(plan.name, [agent, "--state", str(state), "run", *plan.options])
        self.agents.append(plan.name)

    def wait_online(self) -> None:
        """Returns when every agent has a session."""

        def all_online() -> bool:
            devices = self.commands.data("devices", "ls", "--json")
            return {d["name"] for d in devices if d["online"]} >= set(self.agents)

        self.services.wait_until(all_online, f"the session of {' and '.join(self.agents)}", START_TIMEOUT_S)


def start(root: Path, services: Services, environment: Mapping[str, str], extra: Sequence[str] = ()) -> LocalFleet:
    """Starts a controller on free ports of loopback below `root` and waits until it serves."""
    state, ready = root / "controller", root / "ready.json"
    ready.unlink(missing_ok=True)
    services.start(
        "controller",
        [
            program("benchfleet"),
            *("serve", "--state", str(state), "--grpc", "127.0.0.1:0", "--enroll", "127.0.0.1:0"),
            *("--http", "127.0.0.1:0", "--ready-file", str(ready), *extra),
        ],
    )
    services.wait_until(ready.is_file, "the start of the controller", START_TIMEOUT_S)
    said = json.loads(ready.read_text())
    addresses = Addresses(grpc=said["grpc"], http=said["http"])
    commands = Commands({**environment, "BENCHFLEET_CREDENTIALS": str(state / "admin.json")})
    return LocalFleet(root=root, services=services, commands=commands, addresses=addresses)


def environment() -> dict[str, str]:
    """Ours, without settings that would lead the commands to another fleet."""
    return {name: value for name, value in os.environ.items() if not name.startswith("BENCHFLEET_")}
