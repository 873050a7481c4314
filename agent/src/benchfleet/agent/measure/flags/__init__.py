"""Validity flags: what makes a number degraded or invalid, one file per family, found by its name.

A file holds `find(seen)`, which yields a Reason for each flag that applies: a stable name, a weight, and one sentence
that says what was seen and what the user can do about it. Third parties add modules under the entry-point group
`benchfleet.flags`. A file may hold `ORDER`: among equally bad reasons those of the smaller one are told first.

    def find(seen: Seen) -> Iterator[Reason]:
        if (seen.number("sampler_cpu_ratio") or 0.0) > 0.005:
            yield degraded("sampler_overrun", "...")
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from benchfleet.agent.measure.profiles import Profile
from benchfleet.core.evidence import Evidence
from benchfleet.core.metric import Family
from benchfleet.core.results import Reason, Value

PACKAGE = "benchfleet.agent.measure.flags"
GROUP = "benchfleet.flags"
ORDER = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What flags are judged from: the raw evidence, the metrics made of it, what was asked for, what the host said."""

    evidence: Evidence
    metrics: dict[str, Value]
    profile: Profile
    host: dict[str, Any]

    def number(self, name: str) -> float | None:
        """A metric's value; None when it was not measured."""
        value = self.metrics.get(name)
        return None if value is None else value.value


def degraded(flag: str, detail: str) -> Reason:
    """The number may be used with care."""
    return Reason(flag=flag, severity="degraded", detail=detail)


def invalid(flag: str, detail: str, touches: tuple[Family, ...] = ()) -> Reason:
    """The numbers may not be used: those of the families it `touches` (core/metric.py), or all when it names none."""
    return Reason(flag=flag, severity="invalid", detail=detail, touches=touches)
