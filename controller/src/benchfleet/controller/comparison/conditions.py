"""Under which conditions a run was measured, and where two runs differ in them.

Two numbers may only be held against each other when what surrounds the model was alike. Some fields make a comparison
meaningless (another scenario answers another question), some are the axes of a campaign and are crossed only when the
user names the other cell, and others make it weaker and are named in a warning. docs/comparing.md has the table.

What an agent could not read is unknown, and unknown differs from nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from benchfleet.controller.catalog import RunRecord

Weight = Literal["refuses", "axis", "warns"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One field. `weight`: refuses | axis (refuses unless the user chose the cell) | warns."""

    name: str
    weight: Weight
    why: str
    of: Callable[[RunRecord], str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unlike:
    """One field in which a run differs from its baseline."""

    field: str
    baseline: str
    here: str

    def __str__(self) -> str:
        return f"{self.field}: baseline {self.baseline}, here {self.here}"


def _cell(name: str) -> Callable[[RunRecord], str | None]:
    return lambda run: _text(run.result.cell.get(name)) if run.result else None


def _provenance(name: str) -> Callable[[RunRecord], str | None]:
    return lambda run: _text(_found(run.result.provenance, name)) if run.result else None


def _within(group: str, name: str) -> Callable[[RunRecord], str | None]:
    def of(run: RunRecord) -> str | None:
        inner = run.result.provenance.get(group) if run.result else None
        return _text(inner.get(name)) if isinstance(inner, dict) else None

    return of


def _scenario(run: RunRecord) -> str:
    params = _text(run.result.cell.get("scenario_params")) if run.result else None
    return " ".join(part for part in (run.scenario, params) if part)


def _shapes(run: RunRecord) -> str | None:
    """Sizes the campaign gave to open inputs; a known cell without any has the model's own."""
    if run.result is None or "shapes" not in run.result.cell:
        return None
    return _text(run.result.cell["shapes"]) or "the model's own"


def _dataset(run: RunRecord) -> str | None:
    if run.result is None:
        return None
    cell = run.result.cell
    held = cell.get("dataset")
    return _text(cell.get("dataset_name") or (held.get("digest") if isinstance(held, dict) else held))


def _options(run: RunRecord) -> str:
    return _cell("runtime_options")(run) or "none"


def power_mode_of(run: RunRecord) -> str | None:
    """What the device was set to, as it was read back; None where the agent does not tell."""
    return _provenance("power_mode")(run)


def governor_of(run: RunRecord) -> str | None:
    """What chose the clock of the CPUs; None where the agent does not tell."""
    return _provenance("governor")(run)


def _asked_mode(run: RunRecord) -> str | None:
    return _cell("power_mode")(run)


def _power_mode(run: RunRecord) -> str | None:
    """With the governor where a mode was asked for, since it may come with it; `as found` where no mode has a name."""
    name, governor, asked = power_mode_of(run), governor_of(run), _asked_mode(run)
    if asked is not None:
        return f"{name or asked}, governor {governor}" if governor else name or asked
    if name is None and run.result is not None and isinstance(run.result.provenance.get("power"), dict):
        return "as found"
    return name


def _governor(run: RunRecord) -> str | None:
    return None if _asked_mode(run) is not None else governor_of(run)


CONDITIONS = (
    Condition(name="device", weight="refuses", why="another machine", of=lambda r: r.device),
    Condition(name="board", weight="refuses", why="another machine under the same name", of=_within("device", "board")),
    Condition(
        name="cpu_model", weight="refuses", why="another machine under the same name",
        of=_within("device", "cpu_model"),
    ),
    Condition(name="simulated", weight="refuses", why="a fake's number is no measurement", of=_provenance("simulated")),
    Condition(name="scenario", weight="refuses", why="load that arrives otherwise is another question", of=_scenario),
    Condition(name="shapes", weight="refuses", why="larger inputs are more work", of=_shapes),
    Condition(name="governor", weight="refuses", why="it sets the clock", of=_governor),
    Condition(name="power_mode", weight="axis", why="it sets clocks and cores", of=_power_mode),
    Condition(name="format", weight="axis", why="another file of the model", of=lambda r: r.format),
    Condition(name="runtime", weight="axis", why="another engine", of=lambda r: r.runtime),
    Condition(name="runtime_options", weight="axis", why="another setting of the engine", of=_options),
    Condition(name="threads", weight="axis", why="more cores", of=lambda r: str(r.threads)),
    Condition(name="batch", weight="axis", why="more samples a call", of=lambda r: str(r.batch)),
    Condition(name="profile", weight="warns", why="unlike effort; the intervals tell", of=_cell("profile")),
    Condition(
        name="dataset", weight="warns", why="other inputs; accuracy across data sets is refused", of=_dataset
    ),
    Condition(name="runtime_version", weight="warns", why="the engine may be it, not the model",
              of=_within("runtime", "version")),
    Condition(name="simulated_time_factor", weight="warns", why="simulated heat moved at another pace",
              of=_within("runtime", "simulated_time_factor")),
    Condition(name="agent_version", weight="warns", why="the measurement may be it", of=_provenance("agent_version")),
    Condition(name="kernel", weight="warns", why="scheduler and drivers", of=_provenance("kernel")),
)  # fmt: skip

BY_NAME = {condition.name: condition for condition in CONDITIONS}

REFUSING = tuple(c.name for c in CONDITIONS if c.weight == "refuses")
"""Unlike in one of these, no ratio of latency or throughput is made."""

VARIED_ON_PURPOSE = tuple(c.name for c in CONDITIONS if c.weight == "axis")
"""The axes of a campaign: a ratio across them is made only when the user named the baseline's cell."""

SURROUNDINGS = tuple(c.name for c in CONDITIONS if c.weight == "warns")
"""Unlike values are warned of."""

RANKED_WITHIN = tuple(name for name in REFUSING if name != "device")
"""Runs may be ranked against each other across devices, to choose one, but never across these."""


def conditions_of(run: RunRecord) -> dict[str, str | None]:
    """Every condition by name; None where it is not known."""
    return {condition.name: condition.of(run) for condition in CONDITIONS}


def unlike(baseline: RunRecord, run: RunRecord, fields: tuple[str, ...]) -> tuple[Unlike, ...]:
    """The given fields that are known for both and differ."""
    pairs = ((name, BY_NAME[name].of(baseline), BY_NAME[name].of(run)) for name in fields)
    return tuple(Unlike(field=n, baseline=a, here=b) for n, a, b in pairs if a is not None and b is not None and a != b)


def scope_of(run: RunRecord, metric: str) -> tuple[str, str]:
    """Scope of a value, and its source where a scope says that the source matters; empty for wall-clock values."""
    value = run.result.metrics.get(metric) if run.result else None
    if value is None or value.scope is None:
        return "", ""
    return value.scope, value.source or ""


def _found(provenance: dict[str, Any], name: str) -> Any:
    """Agents group facts of the machine; look at the top and one level down."""
    if name in provenance:
        return provenance[name]
    for value in provenance.values():
        if isinstance(value, dict) and name in value:
            return value[name]
    return None


def _text(value: Any) -> str | None:
    if value is None or value == {} or value == "":
        return None
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str)
