"""Every run of a campaign against its baseline: ratios with intervals, and what may be said from them.

`ratio` says what a ratio is, `conditions` when there may be one. Runs that failed are rows with their reason, and
results that are invalid are shown, never ranked.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from benchfleet.controller.catalog import CampaignRecord, RunRecord
from benchfleet.controller.comparison.baselines import Baselines
from benchfleet.controller.comparison.conditions import (
    BY_NAME,
    RANKED_WITHIN,
    REFUSING,
    SURROUNDINGS,
    VARIED_ON_PURPOSE,
    Unlike,
    unlike,
)
from benchfleet.controller.comparison.labels import labels
from benchfleet.controller.comparison.ratio import (
    LATENCY,
    Ratio,
    beside_its_baseline,
    finding,
    is_ranked,
    latency_ratio,
    metric_ratio,
    value_of,
)
from benchfleet.core.errors import NotFoundError
from benchfleet.core.results import Value

THROUGHPUT = "throughput_per_s"
SIZE = "model_size_bytes"
ACCURACY = "accuracy_top1"
ACCURACY_DROP = "accuracy_drop_pp"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One run; `label` names the device where it matters, `cell_label` never does. `status`: see status_of.

    `refused`: the unlike conditions for which no ratio was made, or only a marked one.
    """

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
    refused: tuple[Unlike, ...]
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


def compare(
    campaign: CampaignRecord,
    baseline_cell: str | None = None,
    *,
    against: CampaignRecord | None = None,
    force: bool = False,
) -> Comparison:
    """Rows for every run. `baseline_cell` outranks the declared baseline: a model, a cell key, or a part of just one.

    `against`: each run's baseline is the run of the same cell and device in that campaign. `force`: ratios across
    unlike conditions are made and marked. NotFoundError: `baseline_cell` names no cell of the campaign, or several.
    """
    if baseline_cell is not None and any(run.model == baseline_cell for run in campaign.runs):
        campaign, baseline_cell = replace(campaign, baseline_model=baseline_cell), None
    chosen = _cell_named(campaign, baseline_cell) if baseline_cell is not None else None
    names, cells, best = labels(campaign.runs), labels(campaign.runs, device=False), _best(campaign.runs)
    theirs = names if against is None else {k: f"{v} of {against.id}" for k, v in labels(against.runs).items()}
    baselines = Baselines(campaign, chosen_cell=chosen, against=against)
    view = _View(campaign=campaign, chosen=chosen, against=against, force=force, names=theirs, baselines=baselines)
    rows = tuple(
        _row(run, view, names[run.run_id], cells[run.run_id], best.get(run.run_id, frozenset()))
        for run in campaign.runs
    )
    return Comparison(
        campaign=campaign,
        baseline=f"campaign {against.id}" if against is not None else chosen or campaign.baseline_model,
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _View:
    """What the user asked to see; `names` are the labels of what may be a baseline."""

    campaign: CampaignRecord
    chosen: str | None
    against: CampaignRecord | None
    force: bool
    names: dict[str, str]
    baselines: Baselines


def _row(run: RunRecord, view: _View, label: str, cell_label: str, best: frozenset[str]) -> Row:
    base = view.baselines.nearest(run)  # what differs is said by _checked
    is_baseline = isinstance(base, RunRecord) and base.run_id == run.run_id
    named = view.chosen is not None
    refusing, warned = _checked(run, base, named) if isinstance(base, RunRecord) else ((), ())
    paired = None
    if not named and view.against is None and not is_baseline:
        paired = beside_its_baseline(run, view.campaign.baseline_model)
    return Row(
        run=run,
        label=label,
        cell_label=cell_label,
        status=status_of(run),
        why=why_of(run),
        is_baseline=is_baseline,
        baseline_label=view.names.get(base.run_id) if isinstance(base, RunRecord) else None,
        latency=paired or _ratio(run, base, LATENCY, refusing, force=view.force),
        throughput=_ratio(run, base, THROUGHPUT, refusing, force=view.force),
        size=_size_ratio(run, base, view.campaign, is_baseline),
        accuracy_drop_pp=_accuracy_drop(run, base, is_baseline),
        warnings=tuple(str(w) for w in (*warned, *(refusing if view.force else ()))),
        refused=() if paired is not None else refusing,
        best=best,
    )


def _checked(run: RunRecord, base: RunRecord, named: bool) -> tuple[tuple[Unlike, ...], tuple[Unlike, ...]]:
    """What refuses and what is warned of; axes refuse unless the user named the cell to compare with."""
    axes = unlike(base, run, VARIED_ON_PURPOSE)
    refusing, warned = unlike(base, run, REFUSING), unlike(base, run, SURROUNDINGS)
    return (refusing, warned + axes) if named else (refusing + axes, warned)


def _ratio(run: RunRecord, base: RunRecord | str, name: str, refusing: tuple[Unlike, ...], *, force: bool) -> Ratio:
    if not isinstance(base, RunRecord):
        return Ratio(value=None, reason=base)
    if base.run_id == run.run_id:
        return Ratio(value=None, reason="this is the baseline")
    if refusing and not force:
        return Ratio(value=None, reason="unlike conditions, " + ", ".join(str(d) for d in refusing))
    for side, which in ((run, "this run"), (base, "the baseline")):
        if not is_ranked(side):
            return Ratio(value=None, reason=f"{which} is {status_of(side)}")
    found = latency_ratio(run, base) if name == LATENCY else metric_ratio(run, base, name)
    if refusing and found.value is not None:
        return replace(found, finding=None, forced=tuple(d.field for d in refusing))
    return found


def _size_ratio(run: RunRecord, base: RunRecord | str, campaign: CampaignRecord, is_baseline: bool) -> Ratio:
    """A size does not depend on conditions: any run of the baseline model will do, best one of the same format."""
    if is_baseline:
        return Ratio(value=None, reason="this is the baseline")
    if not isinstance(base, RunRecord):
        others = [r for r in campaign.runs if r.model == campaign.baseline_model and value_of(r, SIZE).value]
        if not others:
            return Ratio(value=None, reason=base)
        base = next((r for r in others if r.format == run.format), others[0])
    ours, theirs = value_of(run, SIZE), value_of(base, SIZE)
    if ours.value is None or not theirs.value:
        return Ratio(value=None, reason=f"no {SIZE}: {ours.reason or theirs.reason or 'zero'}")
    ratio = ours.value / theirs.value
    return Ratio(value=ratio, finding=finding(ratio, (ratio, ratio)))


def _accuracy_drop(run: RunRecord, base: RunRecord | str, is_baseline: bool) -> Value:
    stated = value_of(run, ACCURACY_DROP)
    if stated.value is not None:
        return stated
    if is_baseline:
        return Value(value=None, reason="this is the baseline")
    if not isinstance(base, RunRecord):
        return Value(value=None, reason=base)
    dataset = unlike(base, run, ("dataset",))
    if dataset:
        return Value(value=None, reason=f"unlike conditions, {dataset[0]}")
    ours, theirs = value_of(run, ACCURACY), value_of(base, ACCURACY)
    if ours.value is None or theirs.value is None:
        return Value(value=None, reason=ours.reason or theirs.reason)
    return Value(value=100.0 * (theirs.value - ours.value), method="difference of two runs", n=ours.n)


def _best(runs: tuple[RunRecord, ...]) -> dict[str, frozenset[str]]:
    """Which metrics each run is best in, among like runs: one device, batch, scenario, and whatever refuses a ratio.

    Runs whose interval overlaps the best one's share the honour: their order is not known.
    """
    groups: dict[tuple[str | int | None, ...], list[RunRecord]] = {}
    for run in runs:
        if is_ranked(run):
            among = tuple(BY_NAME[name].of(run) for name in RANKED_WITHIN)
            groups.setdefault((run.device, run.batch, *among), []).append(run)
    best: dict[str, set[str]] = {}
    for group in groups.values():
        for name, sign in ((LATENCY, 1.0), (THROUGHPUT, -1.0)):
            scored = [(sign * v.value, r, v) for r in group if (v := value_of(r, name)).value is not None]
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
