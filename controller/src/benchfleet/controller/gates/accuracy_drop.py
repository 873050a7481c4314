"""How much accuracy the model lost to its baseline, in percentage points: `accuracy_drop: "< 1 pp"`.

The drop that the agent measured (same samples, same attempt) is used where there is one; otherwise the difference of
two results on the same data set. Different data sets are no evidence.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from benchfleet.controller.catalog import RunRecord
from benchfleet.controller.comparison.compare import ACCURACY, ACCURACY_DROP, status_of, why_of
from benchfleet.controller.comparison.conditions import unlike
from benchfleet.controller.comparison.ratio import is_evidence
from benchfleet.controller.gates import Verdict, worst
from benchfleet.controller.gates.threshold import judge
from benchfleet.controller.policies import limits
from benchfleet.core.metric import RANGES
from benchfleet.core.results import Value, missing


def parse(name: str, value: Any) -> Mapping[str, Any]:
    """The limit in percentage points."""
    return {"limit": limits.check_possible(name, limits.parse(name, value, "pp"), RANGES["pp"])}


def check(results: Sequence[RunRecord], baseline: RunRecord | None, params: Mapping[str, Any]) -> Verdict:
    """The worst verdict over the runs."""
    return worst([_one(run, baseline, params["limit"]) for run in results])


def _one(run: RunRecord, baseline: RunRecord | None, limit: limits.Limit) -> Verdict:
    if not is_evidence(run, ACCURACY_DROP):
        why = why_of(run)
        return Verdict(
            outcome="no_evidence", observed=None, limit=limit.text, why=f"{status_of(run)}{': ' if why else ''}{why}"
        )
    return judge(ACCURACY_DROP, drop(run, baseline), limit)


def drop(run: RunRecord, baseline: RunRecord | None) -> Value:
    """The accuracy drop with its interval, or why there is none."""
    assert run.result is not None
    stated = run.result.metrics.get(ACCURACY_DROP)
    if stated is not None and stated.value is not None:
        return stated
    if baseline is None or baseline.result is None or not is_evidence(baseline, ACCURACY):
        return missing(stated.reason if stated and stated.reason else "there is no baseline result on this device")
    differing = unlike(baseline, run, ("dataset",))
    if differing:
        return missing(f"unlike conditions, {differing[0]}")
    ours, theirs = run.result.metrics.get(ACCURACY), baseline.result.metrics.get(ACCURACY)
    if ours is None or theirs is None or ours.value is None or theirs.value is None:
        return missing("accuracy was not measured on both; name a dataset in the campaign")
    points = 100.0 * (theirs.value - ours.value)
    if ours.ci95 is None or theirs.ci95 is None:
        return Value(value=points, n=ours.n, method="difference of two runs")
    half = 50.0 * math.hypot(ours.ci95[1] - ours.ci95[0], theirs.ci95[1] - theirs.ci95[0])
    return Value(value=points, ci95=(points - half, points + half), n=ours.n, method="difference of two runs")
