"""What a metric is, and the catalogue made of every file in core/metrics.

A metrics file holds `METRICS`, a tuple of Metric. Adding a file adds its metrics: nothing else is edited.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from benchfleet.core import plugins
from benchfleet.core.evidence import Evidence
from benchfleet.core.nesting import nested
from benchfleet.core.results import Value, missing

PACKAGE = "benchfleet.core.metrics"
GROUP = "benchfleet.metrics"

WEEK_S = 7 * 86_400
"""No attempt lasts longer, so no time inside one does."""

RANGES: dict[str, tuple[float, float]] = {
    "s": (0, WEEK_S),
    "ms": (0, WEEK_S * 1e3),
    "us": (0, WEEK_S * 1e6),
    "h": (0, 1e6),
    "bytes": (0, 2**60),
    "W": (0, 1e6),
    "mJ": (0, 1e12),
    "1/J": (0, 1e15),
    "1/s": (0, 1e12),
    "degC": (-273.15, 1000),
    "pp": (-100, 100),
    "ratio": (0, 1e9),
    "1": (0, 2**63),
    "currency": (0, 1e15),
}
"""What a number of a unit can be at all, where its metric does not say it closer. A unit of a new metric that is not
here has WIDE."""

WIDE = (-1e15, 1e15)
ROUNDING = 1e-6
"""What the sums of a share or a cosine may be off."""


Family = Literal["running", "outputs", "file"]
"""What a number depends on: how the model ran in these minutes on this host, what it computes, or its file alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One metric: its name ends in its unit (and percentile); `compute` never raises for what was not measured.

    `low` and `high` are what it can be at all, where the unit (RANGES) does not say it: a share ends at 1.
    `family` says what it depends on; what made the running invalid need not touch the others (decision 0009).
    `at_least` names the metric that this one cannot be below, as p99 cannot be below p95 (core/nesting.py).
    """

    name: str
    unit: str
    better: Literal["lower", "higher", "neither"]
    help: str
    how: str
    compute: Callable[[Evidence], Value]
    low: float | None = None
    high: float | None = None
    family: Family = "running"
    at_least: str | None = None

    @property
    def range(self) -> tuple[float, float]:
        """The least and the greatest value that can be."""
        low, high = RANGES.get(self.unit, WIDE)
        return (low if self.low is None else self.low, high if self.high is None else self.high)


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
    metrics = catalogue()
    found = {name: _possible(name, metric.compute(evidence)) for name, metric in metrics.items()}
    return nested(found, {name: metric.at_least for name, metric in metrics.items() if metric.at_least is not None})


def _possible(name: str, value: Value) -> Value:
    """A number that cannot be is no measurement."""
    why = impossible(name, value)
    return missing(f"not believed: {why}") if why else value


def impossible(name: str, value: Value) -> str | None:
    """Why a value cannot be what its metric says, in one sentence; None when it can.

    An interval may reach a little beyond what can be, by its formula; it may not be inverted, nor endless.
    """
    if value.n is not None and value.n < 0:
        return f"{name} has {value.n} samples"
    low, high = _ranges().get(name, WIDE)
    if value.value is not None and not low - ROUNDING <= value.value <= high + ROUNDING:
        return f"{name} is {value.value:g}, which cannot be (it is within {low:g} and {high:g})"
    if value.ci95 is not None:
        first, last = value.ci95
        if not (math.isfinite(first) and math.isfinite(last) and first <= last):
            return f"the interval of {name} is {first:g} to {last:g}, which is none"
        reach = 1 + 2 * max(abs(low), abs(high))
        if not -reach <= first <= last <= reach:
            return f"the interval of {name} is {first:g} to {last:g}, which cannot be"
    return None


def first_impossible(metrics: Mapping[str, Value]) -> str | None:
    """What is wrong with the first value that cannot be; None when all can."""
    return next((why for name, value in metrics.items() if (why := impossible(name, value))), None)


def family_of(name: str) -> Family:
    """The family of a metric; one that is not known here may depend on everything, so it counts as running."""
    return _families().get(name, "running")


@lru_cache(maxsize=1)
def _families() -> dict[str, Family]:
    return {name: metric.family for name, metric in catalogue().items()}


@lru_cache(maxsize=1)
def _ranges() -> dict[str, tuple[float, float]]:
    """Of the whole catalogue: results are read by the thousand."""
    return {name: metric.range for name, metric in catalogue().items()}
