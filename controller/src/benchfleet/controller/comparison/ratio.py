"""Two runs held against each other: a ratio with its interval, how it was made, and what may be said from it.

Paired where both models ran in interleaved rounds: as two lanes of one attempt, or as two cells of one block (the
results carry the block's id). Everything else was measured apart, says so, and is wider. "Lower" and "higher" need an
interval that excludes 1 and an effect of at least 2 %; anything else is "no detectable difference".
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

from benchfleet.controller.catalog import RunRecord
from benchfleet.controller.comparison.conditions import scope_of
from benchfleet.core import ratios
from benchfleet.core.metric import family_of
from benchfleet.core.results import Result, Value, spoils

DETECTABLE_EFFECT = 0.02
"""Below 2 % the layout of memory alone moves a median; nobody should ship or reject for it."""

LATENCY = "latency_ms_p50"
PAIRED = "latency_ratio_to_baseline"

ROUNDS_MAX = 100_000
"""Of one lane; a result with more is not one of ours."""

Finding = Literal["lower", "higher", "no detectable difference", "no interval"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio:
    """This run divided by its baseline; `value` None says why in `reason`.

    `forced` names the unlike conditions of a ratio that was asked for in spite of them: it is shown, and no finding.
    """

    value: float | None
    ci95: tuple[float, float] | None = None
    paired: bool = False
    finding: Finding | None = None
    n: int | None = None
    method: str = ""
    reason: str = ""
    forced: tuple[str, ...] = ()


def finding(ratio: float, ci95: tuple[float, float] | None) -> Finding:
    """What may be said of a ratio: its interval must exclude 1 and the effect must be detectable."""
    if ci95 is None:
        return "no interval"
    if ci95[0] <= 1.0 <= ci95[1] or abs(ratio - 1.0) < DETECTABLE_EFFECT:
        return "no detectable difference"
    return "lower" if ratio < 1.0 else "higher"


def is_ranked(run: RunRecord) -> bool:
    """Succeeded, with a result that is not invalid."""
    return run.result is not None and run.result.outcome == "ok" and run.result.verdict != "invalid"


def is_evidence(run: RunRecord, metric: str) -> bool:
    """Whether a run may be judged by a metric: what made it invalid, if anything, does not touch this one."""
    return run.result is not None and run.result.outcome == "ok" and not spoils(run.result, family_of(metric))


def value_of(run: RunRecord, name: str) -> Value:
    """A metric of a run, or why there is none."""
    value = run.result.metrics.get(name) if run.result else None
    return value or Value(value=None, reason="not measured")


def beside_its_baseline(run: RunRecord, baseline_model: str | None) -> Ratio | None:
    """Against the baseline that ran as a second lane of the same attempt; None when another one did, or none."""
    if not is_ranked(run) or run.result is None:
        return None
    against = run.result.cell.get("baseline")
    if not isinstance(against, dict) or against.get("name") != baseline_model:
        return None
    ours, theirs = rounds_of(run.result), rounds_of(run.result, "baseline")
    effect = ratios.paired(ours, theirs)
    if effect is not None:
        return _of(effect)
    value = run.result.metrics.get(PAIRED)  # of an agent that sends no rounds
    if value is None or value.value is None:
        return None
    return Ratio(
        value=value.value,
        ci95=value.ci95,
        paired=True,
        finding=finding(value.value, value.ci95),
        n=value.n,
        method=value.method or "",
    )


def latency_ratio(run: RunRecord, base: RunRecord) -> Ratio:
    """Two ranked runs: paired when one block holds both, otherwise apart."""
    assert run.result is not None
    assert base.result is not None
    ours, theirs = rounds_of(run.result), rounds_of(base.result)
    block = block_of(run.result)
    beside = run.device == base.device and block is not None and block == block_of(base.result)
    effect = ratios.paired(ours, theirs) if beside else None
    effect = effect or ratios.apart(ours, theirs)
    return metric_ratio(run, base, LATENCY) if effect is None else _of(effect)


def metric_ratio(run: RunRecord, base: RunRecord, name: str) -> Ratio:
    """Any positive metric of two runs, apart, from the values and their own intervals."""
    ours, theirs = value_of(run, name), value_of(base, name)
    for value, which in ((ours, "here"), (theirs, "of the baseline")):
        if value.value is None or value.value <= 0:
            return Ratio(value=None, reason=f"no {name} {which}: {value.reason or 'not positive'}")
    assert ours.value is not None
    assert theirs.value is not None
    scopes = scope_of(run, name), scope_of(base, name)
    if scopes[0] != scopes[1]:
        here, there = (" ".join(filter(None, scope)) or "none" for scope in scopes)
        return Ratio(value=None, reason=f"unlike scope of {name}: baseline {there}, here {here}")
    ratio = ours.value / theirs.value
    interval = ratios.apart_from_intervals(ratio, ours.ci95, theirs.ci95)
    return Ratio(value=ratio, ci95=interval, finding=finding(ratio, interval), method="measured apart")


def _of(effect: ratios.Effect) -> Ratio:
    return Ratio(
        value=effect.ratio,
        ci95=effect.ci95,
        paired=effect.paired,
        finding=finding(effect.ratio, effect.ci95),
        n=effect.n,
        method=effect.method,
    )


def rounds_of(result: Result, lane: str = "model") -> list[ratios.RoundMedian]:
    """The round medians of a lane: `rounds: {LANE: [[launch, index, median_ns, start_ns?], ...]}` of the provenance.

    Empty where a result has none, or has them in another form: an interval then comes from the metric.
    """
    held = result.provenance.get("rounds")
    listed = held.get(lane) if isinstance(held, dict) else None
    if not isinstance(listed, (list, tuple)) or len(listed) > ROUNDS_MAX:
        return []
    found = [_round(entry) for entry in listed]
    return [] if None in found else [r for r in found if r is not None]


def _round(entry: Any) -> ratios.RoundMedian | None:
    if not isinstance(entry, (list, tuple)) or len(entry) < 3:
        return None
    launch, index, median_ns = entry[:3]
    if not (isinstance(launch, int) and isinstance(index, int) and isinstance(median_ns, (int, float))):
        return None
    if not math.isfinite(median_ns) or median_ns <= 0:
        return None
    start_ns = entry[3] if len(entry) > 3 and isinstance(entry[3], int) else None
    return ratios.RoundMedian(launch=launch, index=index, median_ns=float(median_ns), start_ns=start_ns)


def block_of(result: Result) -> str | None:
    """The id of the block that a result was measured in; None for a cell that was measured alone."""
    block = result.provenance.get("block")
    held = block.get("id") if isinstance(block, dict) else None
    return held if isinstance(held, str) and held else None
