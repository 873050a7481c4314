"""Gates: one file, one kind of constraint. Pure functions from runs to a verdict.

Contract of a gate module:
    parse(name, value) -> params     value as written in the policy; DocumentError when it cannot be checked
    check(results, baseline, params) -> Verdict

A policy's key names the gate of that file name; a key that is no gate is a metric, checked by `threshold`.
A measurement that is missing, invalid or not sharp enough is "no_evidence", never a pass and never a fail.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from benchfleet.controller.catalog import RunRecord

PACKAGE = "benchfleet.controller.gates"
GROUP = "benchfleet.gates"

Outcome = Literal["pass", "fail", "no_evidence"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a gate found: `observed` and `limit` as a person would write them, `why` always one sentence."""

    outcome: Outcome
    observed: str | None
    limit: str
    why: str


class Gate(Protocol):
    """The module interface."""

    def parse(self, name: str, value: Any) -> Mapping[str, Any]:
        """The parameters of `check` from what a policy says; DocumentError when they make no sense."""

    def check(self, results: Sequence[RunRecord], baseline: RunRecord | None, params: Mapping[str, Any]) -> Verdict:
        """The verdict over the runs of one cell on one device; never raises for what a run holds."""


def worst(verdicts: Sequence[Verdict]) -> Verdict:
    """The one that decides: a fail outranks missing evidence, which outranks a pass."""
    order = {"fail": 0, "no_evidence": 1, "pass": 2}
    return min(verdicts, key=lambda verdict: order[verdict.outcome])
