"""What a metric is, and the catalogue made of every file in core/metrics.

A metrics file holds `METRICS`, a tuple of Metric. Adding a file adds its metrics: nothing else is edited.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from benchfleet.core import plugins
from benchfleet.core.evidence import Evidence
from benchfleet.core.results import Value

PACKAGE = "benchfleet.core.metrics"
GROUP = "benchfleet.metrics"


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One metric: its name ends in its unit (and percentile); `compute` never raises for what was not measured."""

    name: str
    unit: str
    better: Literal["lower", "higher", "neither"]
    help: str
    how: str
    compute: Callable[[Evidence], Value]


def catalogue() -> dict[str, Metric]:
    """Every metric by name."""
    found: dict[str, Metric] = {}
    for module in plugins.load_all(PACKAGE, GROUP).values():
        for metric in module.METRICS:
            if metric.name in found:
                raise ValueError(f"two metrics are called {metric.name}")
            found[metric.name] = metric
    return found


def compute_all(evidence: Evidence) -> dict[str, Value]:
    """Every metric of one attempt."""
    return {name: metric.compute(evidence) for name, metric in catalogue().items()}
