"""Runs in the order of one metric, within their like: unlike conditions and unlike scopes are never one list.

A Jetson module draws three quarters of what its board takes from the wall. Module and board in one list would rank the
meters, not the devices; so each scope has a list of its own, and who reads two of them is told so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchfleet.controller.comparison.compare import Row
from benchfleet.controller.comparison.conditions import BY_NAME, scope_of
from benchfleet.controller.comparison.pareto import COMPETE_WITHIN, Better
from benchfleet.core.results import Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One run; `rank` from 1. `tied` with the one before it: their 95 % intervals overlap."""

    rank: int
    row: Row
    value: Value
    tied: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """Runs that may be held against each other, best first; `scope` and `source` are the metric's, if it has any."""

    conditions: tuple[tuple[str, str], ...]
    scope: str
    source: str
    places: tuple[Place, ...]

    @property
    def title(self) -> str:
        """What they have in common."""
        said = [f"{name} {value}" for name, value in self.conditions if name != "simulated"]
        if dict(self.conditions).get("simulated") in ("true", "True"):
            said.insert(0, "simulated")
        if self.scope:
            said.append(f"scope {self.scope}, by {self.source}")
        return ", ".join(said)


def rankings(rows: Sequence[Row], metric: str, better: Better) -> tuple[Ranking, ...]:
    """Every ranked run that has the metric, a list for each of the conditions and scopes there are."""
    groups: dict[tuple[tuple[str, str | None], ...], dict[tuple[str, str], list[tuple[Row, Value]]]] = {}
    for row in rows:
        value = row.metric(metric)
        if not row.ranked or value is None or value.value is None:
            continue
        like = tuple((name, BY_NAME[name].of(row.run)) for name in COMPETE_WITHIN)
        groups.setdefault(like, {}).setdefault(scope_of(row.run, metric), []).append((row, value))
    return tuple(
        Ranking(
            conditions=tuple((name, value) for name, value in like if value is not None),
            scope=scope,
            source=source,
            places=_places(held, better),
        )
        for like, by_scope in groups.items()
        for (scope, source), held in by_scope.items()
    )


def warnings(found: Sequence[Ranking], metric: str) -> list[str]:
    """One line where lists of one metric may be taken for one."""
    scopes = sorted({f"{ranking.scope} ({ranking.source})" for ranking in found if ranking.scope})
    if len(scopes) < 2:
        return []
    return [f"{metric} was measured with unlike scopes, {', '.join(scopes)}: do not hold one list against another"]


def _places(held: Sequence[tuple[Row, Value]], better: Better) -> tuple[Place, ...]:
    sign = 1.0 if better == "lower" else -1.0
    ordered = sorted(held, key=lambda pair: sign * (pair[1].value or 0.0))
    return tuple(
        Place(rank=i + 1, row=row, value=value, tied=i > 0 and _overlap(ordered[i - 1][1], value))
        for i, (row, value) in enumerate(ordered)
    )


def _overlap(one: Value, other: Value) -> bool:
    if one.ci95 is None or other.ci95 is None:
        return one.value == other.value
    return one.ci95[0] <= other.ci95[1] and other.ci95[0] <= one.ci95[1]
