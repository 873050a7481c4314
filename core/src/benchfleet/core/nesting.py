"""Intervals of quantiles that do not contradict each other: p90 cannot be higher than p95 can.

Each interval is estimated by itself, and one of calls that depend on each other more may reach beyond that of a higher
quantile. What bounds the lower one from above bounds nothing below the higher one, so the higher one's upper bound is
raised to it, and lower bounds are lowered the same way. Intervals only widen: none covers less than before. To cut the
lower one instead would claim more than was estimated.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from benchfleet.core.results import Value

CHAIN_MAX = 16
"""Of names that lead to each other; a plug-in that names itself ends there."""


def nested(found: Mapping[str, Value], at_least: Mapping[str, str]) -> dict[str, Value]:
    """The values with intervals in the order that `at_least` states: the name of each one's lower neighbour."""
    widened = dict(found)
    for name in at_least:
        for below in _below(name, at_least):
            _apart(widened, found, below, name)
    return widened


def _below(name: str, at_least: Mapping[str, str]) -> Iterator[str]:
    for _ in range(CHAIN_MAX):
        if name not in at_least:
            return
        name = at_least[name]
        yield name


def _apart(widened: dict[str, Value], found: Mapping[str, Value], below: str, above: str) -> None:
    """Raises what is above to the upper bound of what is below, and lowers what is below to the other's lower one."""
    low, high = found.get(below), found.get(above)
    if low is None or high is None or low.ci95 is None or high.ci95 is None:
        return
    if low.ci95[1] > high.ci95[1]:
        widened[above] = _wider(widened[above], high=low.ci95[1], of=below)
    if high.ci95[0] < low.ci95[0]:
        widened[below] = _wider(widened[below], low=high.ci95[0], of=above)


def _wider(value: Value, *, low: float | None = None, high: float | None = None, of: str) -> Value:
    assert value.ci95 is not None
    first, last = value.ci95
    interval = (first if low is None else min(first, low), last if high is None else max(last, high))
    side = "upper" if low is None else "lower"
    return replace(value, ci95=interval, method=f"{value.method}; {side} bound that of {of}")
