"""Demands that the measurement itself is sound: `verdict: valid`, or `verdict: degraded` to accept known flaws.

It never fails a model: a poor measurement says nothing about the model, so what falls short is no evidence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from benchfleet.controller.catalog import RunRecord
from benchfleet.controller.comparison.compare import status_of, why_of
from benchfleet.controller.gates import Verdict, worst
from benchfleet.core.errors import DocumentError

RANK = {"valid": 2, "degraded": 1}


def parse(name: str, value: Any) -> Mapping[str, Any]:
    """The least verdict that is accepted."""
    if not isinstance(value, str) or value not in RANK:
        raise DocumentError(f"{name}: the least verdict is valid or degraded, not {value!r}")
    return {"least": value}


def check(results: Sequence[RunRecord], baseline: RunRecord | None, params: Mapping[str, Any]) -> Verdict:
    """Pass when every run is at least that sound."""
    return worst([_one(run, params["least"]) for run in results])


def _one(run: RunRecord, least: str) -> Verdict:
    status = status_of(run)
    if RANK.get(status, 0) >= RANK[least]:
        return Verdict(outcome="pass", observed=status, limit=least, why=f"the result is {status}")
    why = f"the result is {status}" + (f": {why_of(run)}" if why_of(run) else "")
    return Verdict(outcome="no_evidence", observed=status, limit=least, why=why)
