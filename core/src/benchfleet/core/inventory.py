"""The facts of a machine: the domain form of benchfleet.v1.Inventory. Free of identities such as serial numbers."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from benchfleet.core.power_modes import OfferedMode


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeFacts:
    """One inference runtime as the agent's probe found it; `reason` says why it is not available.

    `options` are those that runtime_options may hold; an older agent does not tell, and then there are none.
    """

    name: str
    available: bool
    version: str = ""
    reason: str = ""
    formats: tuple[str, ...] = ()
    providers: tuple[str, ...] = ()
    interpreter: str = ""
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceleratorFacts:
    """One accelerator: `family` is the plug-in that found it, `bus` where it is plugged, which stays after a reboot.

    `state` is "ready", or what keeps it from work ("no driver", "lost", ...); `detail` says more, and what to do.
    `library` and `firmware` are versions. What is not known is empty.
    """

    name: str
    family: str
    kind: str
    bus: str
    state: str = "ready"
    driver: str = ""
    library: str = ""
    firmware: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorFacts:
    """One quantity that can be read on a device."""

    id: str
    kind: str
    scope: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """One machine under test. `scenarios` and `tasks` are those its agent knows; an older one tells none.

    `power_modes` are those it has, whether or not its agent may set them.
    """

    hostname: str
    board: str
    os: str
    kernel: str
    arch: str
    cpu_model: str
    cpu_count: int
    memory_bytes: int
    python: str
    agent_version: str
    runtimes: tuple[RuntimeFacts, ...] = ()
    labels: dict[str, str] = field(default_factory=dict)
    boot_id: str = ""
    simulated: bool = False
    facts: dict[str, str] = field(default_factory=dict)
    accelerators: tuple[AcceleratorFacts, ...] = ()
    sensors: tuple[SensorFacts, ...] = ()
    scenarios: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    power_modes: tuple[OfferedMode, ...] = ()
    power_modes_allowed: bool = False

    def runtime(self, name: str) -> RuntimeFacts | None:
        """What was found of one runtime; None when the agent does not know it."""
        return next((r for r in self.runtimes if r.name == name), None)

    def to_json(self) -> dict[str, Any]:
        """Plain data; lists for tuples after a JSON round trip are accepted by from_json."""
        return asdict(self)

    @staticmethod
    def from_json(data: dict[str, Any]) -> Inventory:
        """The inverse of to_json."""
        runtimes = tuple(
            RuntimeFacts(**{**r, **{key: tuple(r.get(key, ())) for key in ("formats", "providers", "options")}})
            for r in data["runtimes"]
        )
        newer = {  # not there in what older agents wrote
            "accelerators": tuple(AcceleratorFacts(**a) for a in data.get("accelerators", ())),
            "sensors": tuple(SensorFacts(**s) for s in data.get("sensors", ())),
            "scenarios": tuple(data.get("scenarios", ())),
            "tasks": tuple(data.get("tasks", ())),
            "power_modes": tuple(OfferedMode(**m) for m in data.get("power_modes", ())),
        }
        return Inventory(**{**data, "runtimes": runtimes, **newer})
