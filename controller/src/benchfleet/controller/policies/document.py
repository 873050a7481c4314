"""The policy document: `kind: Policy`, strict, with `extends` for the shipped profiles.

    apiVersion: benchfleet/v1
    kind: Policy
    extends: realtime-video
    hard: {latency_p99: "< 33 ms", model_size: "< 20 MB"}
    soft: {accuracy_top1: {limit: ">= 0.90", weight: 4}}
    scope: {model: "digits:int8"}
    on_no_evidence: fail
    allow_simulated: true   # for tests of a pipeline: numbers of a fake are no evidence otherwise

A policy's own constraint replaces the one of the same name that it inherits; `null` drops it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, cast

from benchfleet.controller.gates import GROUP, PACKAGE, Gate
from benchfleet.core import plugins
from benchfleet.core.errors import DocumentError

OnNoEvidence = Literal["fail", "pass", "no_evidence"]

KEYS = ("apiVersion", "kind", "name", "extends", "hard", "soft", "scope", "on_no_evidence", "allow_simulated")
SCOPE_KEYS = ("model", "device", "runtime", "format", "precision", "scenario", "threads", "batch")
API_VERSION = "benchfleet/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Constraint:
    """One line of a policy. `weight` None means hard."""

    name: str
    gate: Gate
    params: Mapping[str, Any]
    weight: float | None = None
    origin: str = "policy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A parsed policy. `scope` maps a field of a run to a glob; empty means every cell but the baseline's."""

    name: str
    constraints: tuple[Constraint, ...]
    scope: Mapping[str, str] = field(default_factory=dict)
    on_no_evidence: OnNoEvidence = "no_evidence"
    allow_simulated: bool = False


def profiles() -> dict[str, str]:
    """The shipped profiles: their YAML by name."""
    folder = files("benchfleet.controller.policies").joinpath("profiles")
    found = [entry for entry in folder.iterdir() if entry.name.endswith(".yaml")]
    return {entry.name.removesuffix(".yaml"): entry.read_text(encoding="utf-8") for entry in sorted(found, key=str)}


def policy_of(data: Mapping[str, Any], *, source: str = "policy") -> Policy:
    """A policy from its document as plain data; DocumentError says what is wrong and where."""
    _keys(data, KEYS, source)
    for key, wanted in (("apiVersion", API_VERSION), ("kind", "Policy")):
        if data.get(key) != wanted:
            raise DocumentError(f"{source}: {key} must be {wanted}, not {data.get(key)!r}")
    parent = _parent(data.get("extends"), source)
    own = {kind: _section(data, kind, source) for kind in ("hard", "soft")}
    constraints = _inherited(parent, own) + _own(own, source)
    if not constraints:
        raise DocumentError(f"{source}: the policy checks nothing; give it a constraint under hard or soft")
    return Policy(
        name=str(data.get("name") or data.get("extends") or Path(source).stem),
        constraints=constraints,
        scope=_scope(data.get("scope"), source) or (parent.scope if parent else {}),
        on_no_evidence=_on_no_evidence(data, parent, source),
        allow_simulated=_allow_simulated(data, parent, source),
    )


def _parent(name: Any, source: str) -> Policy | None:
    from benchfleet.controller.policies.load import parse_yaml  # it knows policy_of, so it comes late

    if name is None:
        return None
    known = profiles()
    if name not in known:
        raise DocumentError(f"{source}: extends names no profile {name!r}{_suggest(str(name), list(known))}")
    return policy_of(parse_yaml(known[name], source=f"profile {name}"), source=f"profile {name}")


def _section(data: Mapping[str, Any], kind: str, source: str) -> Mapping[str, Any]:
    section = data.get(kind)
    if section is None:
        return {}
    if not isinstance(section, Mapping):
        raise DocumentError(f"{source}: {kind} maps a constraint to its limit, not {type(section).__name__}")
    return section


def _inherited(parent: Policy | None, own: Mapping[str, Mapping[str, Any]]) -> tuple[Constraint, ...]:
    if parent is None:
        return ()
    replaced = {str(name) for section in own.values() for name in section}
    replaced |= {_subject(name) for name in replaced}
    return tuple(c for c in parent.constraints if c.name not in replaced and _subject(c.name) not in replaced)


def _subject(name: str) -> str:
    """latency_p99 and latency_ms_p99 are one subject: an override by either name replaces the other."""
    from benchfleet.controller.policies.metrics import alias

    return alias(name)


def _own(own: Mapping[str, Mapping[str, Any]], source: str) -> tuple[Constraint, ...]:
    seen: dict[str, tuple[str, str]] = {}
    for kind, name in [(section, str(key)) for section in ("hard", "soft") for key in own[section]]:
        before, other = seen.setdefault(_subject(name), (kind, name))
        if before != kind:
            raise DocumentError(f"{source}: {name} is both hard and soft; it can be one of them")
        if other != name:
            raise DocumentError(f"{source}: {other} and {name} are one metric; give it one limit, or min and max")
    found = [_constraint(str(n), v, None, source) for n, v in own["hard"].items() if v is not None]
    for name, value in own["soft"].items():
        if value is not None:
            limit, weight = _weighted(str(name), value, source)
            found.append(_constraint(str(name), limit, weight, source))
    return tuple(found)


def _weighted(name: str, value: Any, source: str) -> tuple[Any, float]:
    if not isinstance(value, Mapping):
        return value, 1.0
    _keys(value, ("limit", "weight", "min", "max"), f"{source}: {name}")
    weight = value.get("weight", 1)
    if isinstance(weight, bool) or not isinstance(weight, (int, float)) or not math.isfinite(weight) or weight <= 0:
        raise DocumentError(f"{source}: {name}: weight is a positive number, not {weight!r}")
    ends = {key: value[key] for key in ("min", "max") if key in value}
    if ("limit" in value) == bool(ends):
        raise DocumentError(f"{source}: {name}: give either limit, or min and max")
    return value.get("limit", ends), float(weight)


def _constraint(name: str, value: Any, weight: float | None, source: str) -> Constraint:
    gate_name = name if name in plugins.names(PACKAGE, GROUP) and name != "threshold" else "threshold"
    gate = cast(Gate, plugins.load(PACKAGE, GROUP, gate_name))
    try:
        params = gate.parse(name, value)
    except DocumentError as error:
        raise DocumentError(f"{source}: {error}") from error
    return Constraint(name=name, gate=gate, params=params, weight=weight, origin=source)


def _scope(scope: Any, source: str) -> Mapping[str, str]:
    if scope is None:
        return {}
    if not isinstance(scope, Mapping):
        raise DocumentError(f"{source}: scope maps a field to a name or pattern, like {{model: 'digits:int8'}}")
    _keys(scope, SCOPE_KEYS, f"{source}: scope")
    return {str(key): str(value) for key, value in scope.items()}


def _on_no_evidence(data: Mapping[str, Any], parent: Policy | None, source: str) -> OnNoEvidence:
    given = data.get("on_no_evidence", parent.on_no_evidence if parent else "no_evidence")
    if given not in ("fail", "pass", "no_evidence"):
        raise DocumentError(f"{source}: on_no_evidence is fail, pass or no_evidence, not {given!r}")
    return cast(OnNoEvidence, given)


def _allow_simulated(data: Mapping[str, Any], parent: Policy | None, source: str) -> bool:
    given = data.get("allow_simulated", parent.allow_simulated if parent else False)
    if not isinstance(given, bool):
        raise DocumentError(f"{source}: allow_simulated is true or false, not {given!r}")
    return given


def _keys(data: Mapping[Any, Any], known: tuple[str, ...], source: str) -> None:
    for key in data:
        if key not in known:
            raise DocumentError(f"{source}: unknown key {str(key)!r}{_suggest(str(key), list(known))}")


def _suggest(name: str, known: list[str]) -> str:
    near = get_close_matches(name, known, n=1)
    return f"; did you mean {near[0]}?" if near else f"; there are: {', '.join(known)}"
