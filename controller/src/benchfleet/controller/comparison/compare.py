"""Every run of a campaign against its baseline: ratios with intervals, and what may be said from them.

A ratio comes from interleaved rounds of the same attempt where the agent measured one (paired: both models saw the same
minutes); otherwise from two attempts, and it is called unpaired. "Faster" and "slower" need an interval that excludes 1
and an effect of at least 2 %; anything else is "no detectable difference". Runs that failed are rows with their reason,
and results that are invalid are shown, never ranked.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

from benchfleet.controller.catalog import CampaignRecord, RunRecord
from benchfleet.controller.comparison.conditions import (
    REFUSING,
    SURROUNDINGS,
    VARIED_ON_PURPOSE,
    Unlike,
    unlike,
)
from benchfleet.controller.comparison.labels import labels
from benchfleet.core.errors import NotFoundError
from benchfleet.core.results import Value

DETECTABLE_EFFECT = 0.02
"""Below 2 % the layout of memory alone moves a median; nobody should ship or reject for it."""

LATENCY = "latency_ms_p50"
PAIRED = "latency_ratio_to_baseline"
THROUGHPUT = "throughput_per_s"
SIZE = "model_size_bytes"
ACCURACY = "accuracy_top1"
ACCURACY_DROP = "accuracy_drop_pp"

Finding = Literal["lower", "higher", "no detectable difference", "no interval"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio:
    """This run divided by its baseline; `value` None says why in `reason`."""

    value: float | None
    ci95: tuple[float, float] | None = None
    paired: bool = False
    finding: Finding | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One run; `label` names the device where it matters, `cell_label` never does. `status`: see status_of."""

    run: RunRecord
    label: str
    cell_label: str
    status: str
    why: str
    is_baseline: bool
    baseline_label: str | None
    latency: Ratio
    throughput: Ratio
    size: Ratio
    accuracy_drop_pp: Value
    warnings: tuple[str, ...]
    best: frozenset[str]

    @property
    def ranked(self) -> bool:
        """Whether its numbers may be held against others."""
        return is_ranked(self.run)

    def metric(self, name: str) -> Value | None:
        """The value of the result, if there is a result that knows the metric."""
        return self.run.result.metrics.get(name) if self.run.result else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """All rows, in the order of the campaign, and how the baseline was chosen."""

    campaign: CampaignRecord
    baseline: str | None
    rows: tuple[Row, ...]
    warnings: tuple[str, ...]


def is_ranked(run: RunRecord) -> bool:
    """Succeeded, with a result that is not invalid."""
    return run.result is not None and run.result.outcome == "ok" and run.result.verdict != "invalid"


def status_of(run: RunRecord) -> str:
    """valid | degraded | invalid, or the state and reason of a run without a measurement."""
    if run.result is not None and run.result.outcome == "ok":
        return run.result.verdict
    return run.state if run.state != "succeeded" else "failed"


def why_of(run: RunRecord) -> str:
    """The reasons that made a verdict, or those of a failure, in one line; empty when there is nothing to say."""
    result = run.result
    if result is not None and result.outcome == "ok":
        deciding = [r for r in result.reasons if r.severity == result.verdict] or result.reasons
        return "; ".join(f"{r.flag}: {r.detail}" for r in deciding)
    if result is not None and result.failure is not None:
        failure = result.failure
        return f"{failure.reason} while {failure.phase}: {failure.detail}"
    return ": ".join(part for part in (run.reason, run.detail) if part)


def compare(campaign: CampaignRecord, baseline_cell: str | None = None) -> Comparison:
    """Rows for every run. `baseline_cell` outranks the declared baseline: a model, a cell key, or a part of just one.

    NotFoundError: `baseline_cell` names no cell of the campaign, or several.
    """
    if baseline_cell is not None and any(run.model == baseline_cell for run in campaign.runs):
        campaign, baseline_cell = replace(campaign, baseline_model=baseline_cell), None
    names = labels(campaign.runs)
    chosen = _cell_named(campaign, baseline_cell) if baseline_cell is not None else None
    best = _best(campaign.runs)
    cells = labels(campaign.runs, device=False)
    rows = tuple(_row(run, campaign, chosen, names, cells, best.get(run.run_id, frozenset())) for run in campaign.runs)
    return Comparison(
        campaign=campaign,
        baseline=chosen or campaign.baseline_model,
        rows=rows,
        warnings=tuple(dict.fromkeys(f"{row.label}: {text}" for row in rows for text in row.warnings)),
    )


def _cell_named(campaign: CampaignRecord, text: str) -> str:
    keys = list(dict.fromkeys(run.cell_key for run in campaign.runs))
    found = [key for key in keys if key == text] or [key for key in keys if text and text in key]
    if len(found) == 1:
        return found[0]
    what = "several cells" if found else "no cell"
    shown = ", ".join((found or keys)[:8])
    raise NotFoundError(f"baseline {text!r} names {what} of campaign {campaign.id}; name one of: {shown}")


def baseline_of(run: RunRecord, campaign: CampaignRecord, chosen_cell: str | None = None) -> RunRecord | str:
    """The baseline run for `run`, or why there is none."""
    here = [other for other in campaign.runs if other.device == run.device]
    if chosen_cell is not None:
        found = [other for other in here if other.cell_key == chosen_cell]
        return found[0] if found else f"the baseline cell did not run on {run.device}"
    if campaign.baseline_model is None:
        return "the campaign declares no baseline"
    candidates = [other for other in here if other.model == campaign.baseline_model]
    if not candidates:
        return f"{campaign.baseline_model} did not run on {run.device}"
    if run in candidates:
        return run
    gaps = [(unlike(other, run, REFUSING + VARIED_ON_PURPOSE), other) for other in candidates]
    differences, nearest = min(gaps, key=lambda pair: len(pair[0]))
    if differences:
        return "unlike conditions, " + ", ".join(str(d) for d in differences)
    return nearest


def _row(
    run: RunRecord,
    campaign: CampaignRecord,
    chosen: str | None,
    names: dict[str, str],
    cells: dict[str, str],
    best: frozenset[str],
) -> Row:
    base = baseline_of(run, campaign, chosen)
    is_baseline = base is run or (isinstance(base, RunRecord) and base.run_id == run.run_id)
    paired = _paired(run, campaign) if chosen is None and not is_baseline else None
    refused, warnings = _checked(run, base, chosen) if isinstance(base, RunRecord) else (base, ())
    if is_baseline:
        refused = "this is the baseline"
    latency = paired or _ratio(run, base, LATENCY, refused)
    return Row(
        run=run,
        label=names[run.run_id],
        cell_label=cells[run.run_id],
        status=status_of(run),
        why=why_of(run),
        is_baseline=is_baseline,
        baseline_label=names[base.run_id] if isinstance(base, RunRecord) else None,
        latency=latency,
        throughput=_ratio(run, base, THROUGHPUT, refused),
        size=_size_ratio(run, base, campaign, is_baseline),
        accuracy_drop_pp=_accuracy_drop(run, base, is_baseline),
        warnings=tuple(str(w) for w in warnings),
        best=best,
    )


def _checked(run: RunRecord, base: RunRecord, chosen: str | None) -> tuple[str, tuple[Unlike, ...]]:
    refusing = unlike(base, run, REFUSING)
    warned = unlike(base, run, SURROUNDINGS + (VARIED_ON_PURPOSE if chosen is not None else ()))
    reason = "unlike conditions, " + ", ".join(str(d) for d in refusing) if refusing else ""
    return reason, warned


def _paired(run: RunRecord, campaign: CampaignRecord) -> Ratio | None:
    """The ratio the agent made from interleaved rounds, when it was made against the declared baseline."""
    if not is_ranked(run) or run.result is None:
        return None
    value = run.result.metrics.get(PAIRED)
    against = run.result.cell.get("baseline")
    if value is None or value.value is None or not isinstance(against, dict):
        return None
    if against.get("name") != campaign.baseline_model:
        return None
    return Ratio(value=value.value, ci95=value.ci95, paired=True, finding=finding(value.value, value.ci95))


def finding(ratio: float, ci95: tuple[float, float] | None) -> Finding:
    """What may be said of a ratio: its interval must exclude 1 and the effect must be detectable."""
    if ci95 is None:
        return "no interval"
    if ci95[0] <= 1.0 <= ci95[1] or abs(ratio - 1.0) < DETECTABLE_EFFECT:
        return "no detectable difference"
    return "lower" if ratio < 1.0 else "higher"


def _ratio(run: RunRecord, base: RunRecord | str, name: str, refused: str) -> Ratio:
    if refused or not isinstance(base, RunRecord):
        return Ratio(value=None, reason=refused or str(base))
    for side, which in ((run, "this run"), (base, "the baseline")):
        if not is_ranked(side):
            return Ratio(value=None, reason=f"{which} is {status_of(side)}")
    ours, theirs = _value(run, name), _value(base, name)
    for value, which in ((ours, "here"), (theirs, "of the baseline")):
        if value.value is None or value.value <= 0:
            return Ratio(value=None, reason=f"no {name} {which}: {value.reason or 'not positive'}")
    assert ours.value is not None
    assert theirs.value is not None
    ratio = ours.value / theirs.value
    interval = _independent_interval(ratio, ours, theirs)
    return Ratio(value=ratio, ci95=interval, finding=finding(ratio, interval))


def _independent_interval(ratio: float, ours: Value, theirs: Value) -> tuple[float, float] | None:
    """The 95 % interval of a ratio of two independent estimates, in logarithms (Fieller's approximation)."""
    if ours.ci95 is None or theirs.ci95 is None or min(*ours.ci95, *theirs.ci95) <= 0:
        return None
    halves = [math.log(high / low) / 2 for low, high in (ours.ci95, theirs.ci95)]
    half = math.hypot(*halves)
    return ratio * math.exp(-half), ratio * math.exp(half)


def _size_ratio(run: RunRecord, base: RunRecord | str, campaign: CampaignRecord, is_baseline: bool) -> Ratio:
    """A size does not depend on conditions: any run of the baseline model will do, best one of the same format."""
    if is_baseline:
        return Ratio(value=None, reason="this is the baseline")
    if not isinstance(base, RunRecord):
        others = [r for r in campaign.runs if r.model == campaign.baseline_model and _value(r, SIZE).value]
        if not others:
            return Ratio(value=None, reason=base)
        base = next((r for r in others if r.format == run.format), others[0])
    ours, theirs = _value(run, SIZE), _value(base, SIZE)
    if ours.value is None or not theirs.value:
        return Ratio(value=None, reason=f"no {SIZE}: {ours.reason or theirs.reason or 'zero'}")
    ratio = ours.value / theirs.value
    return Ratio(value=ratio, finding=finding(ratio, (ratio, ratio)))


def _accuracy_drop(run: RunRecord, base: RunRecord | str, is_baseline: bool) -> Value:
    stated = _value(run, ACCURACY_DROP)
    if stated.value is not None:
        return stated
    if is_baseline:
        return Value(value=None, reason="this is the baseline")
    if not isinstance(base, RunRecord):
        return Value(value=None, reason=base)
    dataset = unlike(base, run, ("dataset",))
    if dataset:
        return Value(value=None, reason=f"unlike conditions, {dataset[0]}")
    ours, theirs = _value(run, ACCURACY), _value(base, ACCURACY)
    if ours.value is None or theirs.value is None:
        return Value(value=None, reason=ours.reason or theirs.reason)
    return Value(value=100.0 * (theirs.value - ours.value), method="difference of two runs", n=ours.n)


def _value(run: RunRecord, name: str) -> Value:
    value = run.result.metrics.get(name) if run.result else None
    return value or Value(value=None, reason="not measured")


def _best(runs: tuple[RunRecord, ...]) -> dict[str, frozenset[str]]:
    """Which metrics each run is best in, among like runs: one device, scenario and batch.

    Runs whose interval overlaps the best one's share the honour: their order is not known.
    """
    groups: dict[tuple[str | int, ...], list[RunRecord]] = {}
    for run in runs:
        if is_ranked(run):
            groups.setdefault((run.device, run.scenario, run.batch), []).append(run)
    best: dict[str, set[str]] = {}
    for group in groups.values():
        for name, sign in ((LATENCY, 1.0), (THROUGHPUT, -1.0)):
            scored = [(sign * v.value, r, v) for r in group if (v := _value(r, name)).value is not None]
            if len(scored) < 2:
                continue
            _, _, top = min(scored, key=lambda entry: entry[0])
            for _, run, value in scored:
                if value is top or _overlap(value, top):
                    best.setdefault(run.run_id, set()).add(name)
    return {rid: frozenset(found) for rid, found in best.items()}


def _overlap(a: Value, b: Value) -> bool:
    if a.ci95 is None or b.ci95 is None:
        return a.value == b.value
    return a.ci95[0] <= b.ci95[1] and b.ci95[0] <= a.ci95[1]
