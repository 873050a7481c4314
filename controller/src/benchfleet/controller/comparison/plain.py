"""A comparison as plain data, for `compare --json`."""

from __future__ import annotations

from typing import Any

from benchfleet.controller.comparison.compare import Comparison, Row
from benchfleet.controller.comparison.ratio import Ratio

SCHEMA = 1


def comparison_json(comparison: Comparison, front: frozenset[str] = frozenset()) -> dict[str, Any]:
    """Every row; `pareto` says whether a row is on the front that was asked for."""
    return {
        "schema": SCHEMA,
        "campaign": comparison.campaign.id,
        "name": comparison.campaign.name,
        "baseline": comparison.baseline,
        "warnings": list(comparison.warnings),
        "rows": [{**_row(row), "pareto": row.run.run_id in front} for row in comparison.rows],
    }


def _row(row: Row) -> dict[str, Any]:
    metrics = row.run.result.metrics if row.run.result else {}
    return {
        "run": row.run.run_id,
        "device": row.run.device,
        "cell": row.run.cell_key,
        "status": row.status,
        "why": row.why,
        "ranked": row.ranked,
        "is_baseline": row.is_baseline,
        "best_in": sorted(row.best),
        "baseline": row.baseline_label,
        "refused": [{"field": u.field, "baseline": u.baseline, "here": u.here} for u in row.refused],
        "metrics": {name: value.value for name, value in sorted(metrics.items())},
        "latency_ratio": _ratio(row.latency),
        "throughput_ratio": _ratio(row.throughput),
        "size_ratio": _ratio(row.size),
        "accuracy_drop_pp": {
            "value": row.accuracy_drop_pp.value,
            "ci95": row.accuracy_drop_pp.ci95,
            "reason": row.accuracy_drop_pp.reason,
        },
    }


def _ratio(ratio: Ratio) -> dict[str, Any]:
    return {
        "value": ratio.value,
        "ci95": ratio.ci95,
        "paired": ratio.paired,
        "finding": ratio.finding,
        "n": ratio.n,
        "method": ratio.method or None,
        "forced": list(ratio.forced),
        "reason": ratio.reason or None,
    }
