"""A limit on any metric of the catalogue: `latency_p99: "< 33 ms"`, `model_size: {min: 1 MB, max: 20 MB}`.

The 95 % interval decides with the value: when a bound lies inside the interval, the measurement cannot tell on which
side of it the model is, and the answer is no evidence. A metric without an interval is decided by its value alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from benchfleet.controller.catalog import RunRecord
from benchfleet.controller.comparison.compare import status_of, why_of
from benchfleet.controller.comparison.ratio import is_evidence
from benchfleet.controller.costs.apply import currency_of
from benchfleet.controller.gates import Verdict, worst
from benchfleet.controller.policies import limits
from benchfleet.controller.policies.metrics import resolve
from benchfleet.core.results import Value


def parse(name: str, value: Any) -> Mapping[str, Any]:
    """The metric that `name` stands for, and its limit in the metric's unit."""
    metric = resolve(name)
    return {
        "metric": metric.name,
        "limit": limits.check_possible(name, limits.parse(name, value, metric.unit), metric.range),
    }


def check(results: Sequence[RunRecord], baseline: RunRecord | None, params: Mapping[str, Any]) -> Verdict:
    """The worst verdict over the runs."""
    return worst([_one(run, params["metric"], params["limit"]) for run in results])


def _one(run: RunRecord, metric: str, limit: limits.Limit) -> Verdict:
    if not is_evidence(run, metric) or run.result is None:
        why = why_of(run)
        return Verdict(
            outcome="no_evidence", observed=None, limit=limit.text, why=f"{status_of(run)}{': ' if why else ''}{why}"
        )
    currency = currency_of(run.result)
    if limits.CODE.fullmatch(limit.unit) and currency not in (None, limit.unit):
        why = f"the limit is in {limit.unit} and the prices in {currency}; currencies are not converted"
        return Verdict(outcome="no_evidence", observed=None, limit=limit.text, why=why)
    return judge(metric, run.result.metrics.get(metric), limit)


def judge(metric: str, value: Value | None, limit: limits.Limit) -> Verdict:
    """One value against one limit."""
    if value is None or value.value is None:
        why = value.reason if value is not None else "this run did not measure it"
        return Verdict(outcome="no_evidence", observed=None, limit=limit.text, why=f"no {metric}: {why}")
    observed = limits.written(value.value, value.ci95, limit.unit)
    if value.ci95 is not None:
        low, high = min(*value.ci95, value.value), max(*value.ci95, value.value)
        sides = {limit.holds(low), limit.holds(value.value), limit.holds(high)}
        inside = any(low < bound < high for bound in limit.bounds)
        if len(sides) > 1 or inside:
            return Verdict(
                outcome="no_evidence",
                observed=observed,
                limit=limit.text,
                why=f"inconclusive: the limit lies within the 95 % interval of {metric}; more samples would tell",
            )
    holds = limit.holds(value.value)
    return Verdict(
        outcome="pass" if holds else "fail",
        observed=observed,
        limit=limit.text,
        why=f"{metric} is {'within' if holds else 'outside'} the limit",
    )
