"""An old result beside its replay: do they agree?

Two measurements of one cell, apart: they disagree when the interval of their ratio excludes 1 and the effect is one
that counts, and in accuracy, which nothing but the model and its data decide, when it changed at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from benchfleet.controller.catalog import RunRecord
from benchfleet.controller.comparison.compare import ACCURACY, THROUGHPUT, status_of
from benchfleet.controller.comparison.conditions import REFUSING, unlike
from benchfleet.controller.comparison.ratio import (
    LATENCY,
    Ratio,
    is_ranked,
    latency_ratio,
    metric_ratio,
    value_of,
)
from benchfleet.core.results import Value

SHOWN = (LATENCY, "latency_ms_p99", THROUGHPUT, ACCURACY, "memory_peak_bytes", "power_w_mean")
DECIDING = (LATENCY, ACCURACY)

Outcome = Literal["agree", "disagree", "cannot tell"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One metric of both; `ratio` is new over old."""

    metric: str
    before: Value
    now: Value
    ratio: Ratio


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """The verdict, and what it rests on."""

    outcome: Outcome
    why: str
    lines: tuple[Line, ...]


def replayed(before: RunRecord, now: RunRecord) -> Replayed:
    """Whether a replay shows what the old result said."""
    lines = tuple(_line(name, before, now) for name in SHOWN if value_of(before, name).value is not None)
    outcome, why = _outcome(before, now, {line.metric: line for line in lines})
    return Replayed(outcome=outcome, why=why, lines=lines)


def _line(name: str, before: RunRecord, now: RunRecord) -> Line:
    comparable = name == LATENCY and is_ranked(before) and is_ranked(now)
    ratio = latency_ratio(now, before) if comparable else metric_ratio(now, before, name)
    return Line(metric=name, before=value_of(before, name), now=value_of(now, name), ratio=ratio)


def _outcome(before: RunRecord, now: RunRecord, lines: dict[str, Line]) -> tuple[Outcome, str]:
    for side, which in ((before, "the old result"), (now, "the new one")):
        if not is_ranked(side):
            return "cannot tell", f"{which} is {status_of(side)}"
    differing = unlike(before, now, REFUSING)
    if differing:
        return "cannot tell", "unlike " + ", ".join(f"{u.field}: then {u.baseline}, now {u.here}" for u in differing)
    accuracy = lines.get(ACCURACY)
    if accuracy is not None and accuracy.now.value is not None and accuracy.now.value != accuracy.before.value:
        return "disagree", f"accuracy was {accuracy.before.value:.4f} and is {accuracy.now.value:.4f}"
    latency = lines.get(LATENCY)
    if latency is None or latency.ratio.ci95 is None or latency.ratio.value is None:
        return "cannot tell", (latency.ratio.reason if latency else "") or "no interval of the latency"
    low, high = latency.ratio.ci95
    text = f"latency now over then {latency.ratio.value:.3f} [{low:.3f}, {high:.3f}], measured apart"
    if latency.ratio.finding in ("lower", "higher"):
        return "disagree", text
    return "agree", f"{text}: no detectable difference"
