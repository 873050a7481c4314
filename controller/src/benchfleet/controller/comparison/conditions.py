"""Under which conditions a run was measured, and where two runs differ in them.

Two numbers may only be held against each other when what surrounds the model was alike. Some fields make a comparison
meaningless (another scenario answers another question); others make it weaker and are named in a warning.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from benchfleet.controller.catalog import RunRecord

REFUSING = ("device", "scenario")
"""Unlike in one of these, no ratio of latency or throughput is made."""

VARIED_ON_PURPOSE = ("format", "runtime", "runtime_options", "threads", "batch")
"""The axes of a campaign: a ratio across them is made only when the user named the baseline's cell."""

SURROUNDINGS = ("governor", "power_mode", "profile", "dataset", "agent_version", "simulated")
"""Known from provenance when the agent could read them; unlike values are warned of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unlike:
    """One field in which a run differs from its baseline."""

    field: str
    baseline: str
    here: str

    def __str__(self) -> str:
        return f"{self.field}: baseline {self.baseline}, here {self.here}"


def conditions_of(run: RunRecord) -> dict[str, str | None]:
    """Every condition by name; None where it is not known."""
    cell: dict[str, Any] = run.result.cell if run.result else {}
    provenance: dict[str, Any] = run.result.provenance if run.result else {}
    dataset = cell.get("dataset_name") or _inner(cell.get("dataset"), "digest")
    return {
        "device": run.device,
        "format": run.format,
        "runtime": run.runtime,
        "runtime_options": _text(cell.get("runtime_options")),
        "threads": str(run.threads),
        "batch": str(run.batch),
        "scenario": " ".join(part for part in (run.scenario, _text(cell.get("scenario_params"))) if part),
        "governor": _text(_found(provenance, "governor")),
        "power_mode": _text(_found(provenance, "power_mode")),
        "profile": _text(cell.get("profile")),
        "dataset": _text(dataset),
        "agent_version": _text(_found(provenance, "agent_version")),
        "simulated": _text(provenance.get("simulated")),
    }


def unlike(baseline: RunRecord, run: RunRecord, fields: tuple[str, ...]) -> tuple[Unlike, ...]:
    """The given fields that are known for both and differ."""
    ours, theirs = conditions_of(run), conditions_of(baseline)
    return tuple(
        Unlike(field=name, baseline=str(theirs[name]), here=str(ours[name]))
        for name in fields
        if ours[name] != theirs[name] and (name not in SURROUNDINGS or (ours[name] and theirs[name]))
    )


def _found(provenance: dict[str, Any], name: str) -> Any:
    """Agents group facts of the machine; look at the top and one level down."""
    if name in provenance:
        return provenance[name]
    for value in provenance.values():
        if isinstance(value, dict) and name in value:
            return value[name]
    return None


def _inner(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else value


def _text(value: Any) -> str | None:
    if value is None or value == {} or value == "":
        return None
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str)
