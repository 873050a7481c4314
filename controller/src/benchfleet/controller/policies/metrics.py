"""From the name in a policy to the metric it means: `latency_p99` is `latency_ms_p99`.

The rule, not a table: a metric may be written without the token that is its unit. `power_mean` is `power_w_mean`,
`model_size` is `model_size_bytes`, `throughput` is `throughput_per_s`. The limit then says its own unit.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

from benchfleet.core.errors import DocumentError
from benchfleet.core.metric import catalogue

UNIT_TOKENS = ("_per_s", "_ms", "_us", "_bytes", "_mj", "_wh", "_w", "_c", "_pp", "_s", "_hours")
"""Tokens of metric names that are units (longest first where one ends in another)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """What a gate or a ranking needs to know of a metric."""

    name: str
    unit: str
    better: Literal["lower", "higher"] | None
    range: tuple[float, float]


def known() -> dict[str, Metric]:
    """The catalogue by metric name."""
    return {
        m.name: Metric(name=m.name, unit=m.unit, better=None if m.better == "neither" else m.better, range=m.range)
        for m in catalogue().values()
    }


def alias(name: str) -> str:
    """The name without its unit token; a name that has none is its own alias."""
    for token in UNIT_TOKENS:
        head, found, tail = name.partition(token)
        if found and head and (not tail or tail.startswith("_")):
            return head + tail
    return name


def resolve(name: str) -> Metric:
    """The metric of a full name or alias; DocumentError with the nearest names for anything else."""
    metrics = known()
    if name in metrics:
        return metrics[name]
    found = [metric for metric in metrics.values() if alias(metric.name) == name]
    if len(found) == 1:
        return found[0]
    if found:
        raise DocumentError(f"{name!r} may mean {' or '.join(sorted(m.name for m in found))}; name one")
    near = get_close_matches(name, [*metrics, *map(alias, metrics)], n=3, cutoff=0.5)
    hint = f"; did you mean {', '.join(dict.fromkeys(near))}?" if near else "; `benchfleet export` lists every metric"
    raise DocumentError(f"no metric {name!r}{hint}")
