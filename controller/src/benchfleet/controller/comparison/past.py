"""Histories of cells from past results: which of them are under like conditions, and what is said of the newest.

The newest result that may be ranked sets the conditions; an earlier one that differs in what refuses a comparison, or
in its profile, is left out with the field named. Versions may differ: a history is there to see what they did, so each
change is noted beside the result that came with it. A newest result that is invalid or failed is no evidence.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from benchfleet.controller.catalog import RunRecord
from benchfleet.controller.comparison.compare import status_of
from benchfleet.controller.comparison.conditions import REFUSING, VARIED_ON_PURPOSE, Unlike, scope_of, unlike
from benchfleet.controller.comparison.history import (
    LEARNED_MIN,
    Judged,
    Sample,
    Trend,
    Verdict,
    judge,
    trend,
)
from benchfleet.controller.comparison.ratio import DETECTABLE_EFFECT, is_ranked
from benchfleet.core.metric import catalogue
from benchfleet.core.results import Value

REFERENCES = ("reference_ms_p50", "reference_ratio")
"""Of the fixed work in each block: its time, or its ratio to what is usual on the device where only that is there."""

VERSIONS = ("runtime_version", "agent_version", "kernel", "dataset")
APART = (*REFUSING, *VARIED_ON_PURPOSE, "profile")

UNDISTURBED = ("accuracy_", "map_", "bleu", "rouge", "agreement_", "model_size_", "weight_")
SMALLEST_UNDISTURBED = 0.002
"""Of what does not depend on the host: two in a thousand is a change. Its own interval is that of a sample of a data
set, which is the same one each time, and says nothing here; another data set is another history."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """One past result, with its campaign and when it was received (seconds UTC)."""

    run: RunRecord
    campaign_name: str
    received_utc_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One result in a history; `judged` is None for one that is left out, and `why` says why."""

    past: Past
    value: Value
    judged: Judged | None
    why: str = ""
    changed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """All results of one cell on one device in order of time, and what is said of the newest."""

    device: str
    cell_key: str
    metric: str
    unit: str
    points: tuple[Point, ...]
    verdict: Verdict
    why: str
    confirm: str | None
    trend: Trend | None

    @property
    def used(self) -> tuple[Point, ...]:
        """The points that count."""
        return tuple(p for p in self.points if p.judged is not None)


def tracks(past: Sequence[Past], metric: str) -> tuple[Track, ...]:
    """A track for each cell and device, by device and key; results may come in any order and more than once."""
    groups: dict[tuple[str, str], dict[str, Past]] = {}
    for each in past:
        groups.setdefault((each.run.device, each.run.cell_key), {})[each.run.run_id] = each
    return tuple(
        _track(device, key, sorted(found.values(), key=lambda p: (p.received_utc_s, p.run.run_id)), metric)
        for (device, key), found in sorted(groups.items())
    )


def until(past: Sequence[Past], campaign_id: str) -> list[Past]:
    """Without what came after a campaign's own result of the cell: its history as it was then."""
    last = {(p.run.device, p.run.cell_key): p.received_utc_s for p in past if p.run.campaign_id == campaign_id}
    return [p for p in past if p.received_utc_s <= last.get((p.run.device, p.run.cell_key), 0.0)]


def smallest_effect(metric: str) -> float:
    """2 % of what the host has a hand in, less of what it has not."""
    return SMALLEST_UNDISTURBED if metric.startswith(UNDISTURBED) else DETECTABLE_EFFECT


def _track(device: str, cell_key: str, past: list[Past], metric: str) -> Track:
    known = catalogue().get(metric)
    unit = known.unit if known is not None else ""
    lower = known is None or known.better != "higher"
    leading = next((p for p in reversed(past) if _why_not(p, metric, None) == ""), None)
    left = {p.run.run_id: _why_not(p, metric, leading) for p in past}
    used = [p for p in past if not left[p.run.run_id]]
    reference = _reference(leading) if leading is not None and _timed(metric) else None
    samples = [_sample(p, metric, reference) for p in used]
    found = judge(samples, lower_is_better=lower, smallest=smallest_effect(metric))
    verdict, why_now = found.verdict, ""
    if past and left[past[-1].run.run_id] and verdict != "confirmed":
        verdict, why_now = "no_evidence", f"the newest result does not count: {left[past[-1].run.run_id]}"
    said = dict(zip((p.run.run_id for p in used), found.each, strict=True))
    points: list[Point] = []
    before: Past | None = None
    for each in past:
        judged = said.get(each.run.run_id)
        changed = tuple(_change(u) for u in unlike(before.run, each.run, VERSIONS)) if before and judged else ()
        before = each if judged is not None else before
        value = (each.run.result.metrics.get(metric) if each.run.result else None) or Value(value=None, reason="none")
        points.append(Point(past=each, value=value, judged=judged, why=left[each.run.run_id], changed=changed))
    values = [v for p in used if (v := _number(p, metric)) is not None]
    return Track(
        device=device,
        cell_key=cell_key,
        metric=metric,
        unit=unit,
        points=tuple(points),
        verdict=verdict,
        why=why_now or _why(verdict, found.in_a_row, points),
        confirm=_to_replay(verdict, used, past),
        trend=trend(values),
    )


def _change(unlike: Unlike) -> str:
    return f"{unlike.field} {unlike.baseline} -> {unlike.here}"


def _to_replay(verdict: Verdict, used: Sequence[Past], past: Sequence[Past]) -> str | None:
    """The run whose replay would settle it: the suspect, or the newest that did not count."""
    if verdict in ("suspected", "host_slow"):
        return used[-1].run.run_id
    return past[-1].run.run_id if verdict == "no_evidence" and past else None


def _number(past: Past, metric: str) -> float | None:
    value = past.run.result.metrics.get(metric) if past.run.result else None
    return value.value if value is not None and value.value is not None and value.value > 0 else None


def _why_not(past: Past, metric: str, leading: Past | None) -> str:
    """Why a result does not count; empty when it does."""
    if not is_ranked(past.run):
        return status_of(past.run)
    if _number(past, metric) is None:
        value = past.run.result.metrics.get(metric) if past.run.result else None
        return f"no {metric}: {(value.reason if value else None) or 'not positive'}"
    if leading is not None and scope_of(past.run, metric) != scope_of(leading.run, metric):
        there, here = (" ".join(scope_of(p.run, metric)).strip() or "none" for p in (past, leading))
        return f"unlike scope: {there}, now {here}"
    apart = (*APART, "dataset") if metric.startswith(UNDISTURBED) else APART
    differing = unlike(leading.run, past.run, apart) if leading is not None else ()
    return f"unlike {differing[0].field}: {differing[0].here}, now {differing[0].baseline}" if differing else ""


def _reference(leading: Past) -> str | None:
    """Which measure of the reference work the newest result has; one history mixes no two."""
    assert leading.run.result is not None
    metrics = leading.run.result.metrics
    return next((n for n in REFERENCES if n in metrics and metrics[n].value is not None), None)


def _sample(past: Past, metric: str, reference: str | None) -> Sample:
    assert past.run.result is not None
    metrics = past.run.result.metrics
    value = metrics[metric]
    assert value.value is not None
    low, high = value.ci95 or (0.0, 0.0)
    known = low > 0 and high >= low and not metric.startswith(UNDISTURBED)
    half = math.log(high / low) / 2 if known else 0.0
    beside = metrics.get(reference) if reference is not None else None
    return Sample(value=value.value, half=half, reference=beside.value if beside is not None else None)


def _timed(metric: str) -> bool:
    """Whether a slow host moves it as it moves the reference work."""
    known = catalogue().get(metric)
    return known is not None and known.unit in ("ms", "us", "s", "1/s")


def _why(verdict: Verdict, in_a_row: int, points: Sequence[Point]) -> str:
    used = [p for p in points if p.judged is not None]
    if verdict == "no_evidence":
        earlier = max(0, len(used) - 1)
        left = next((f"; left out: {p.why}" for p in reversed(points) if p.why), "")
        return f"{earlier} earlier campaigns under like conditions; {LEARNED_MIN} are needed{left}"
    last = used[-1].judged
    assert last is not None
    if verdict == "none" or last.usual is None or last.band is None:
        return ""
    value = used[-1].value.value or last.usual
    text = f"{value / last.usual - 1:+.1%} from what is usual"
    if verdict == "host_slow":
        return f"{text}, and the reference work {(last.host_factor or 1) - 1:+.1%}: the host was slow, not the model"
    if last.host_factor is None:
        text += "; no reference work beside it: a slow host cannot be told from a slow model"
    else:
        text += f", the reference work {last.host_factor - 1:+.1%}"
    text += f"; in {in_a_row} campaigns in a row" if verdict == "confirmed" else "; one campaign is not enough"
    suspects = used[-max(1, in_a_row) :]
    changed = [c for p in suspects for c in p.changed]
    return f"{text}; changed with it: {'; '.join(changed)}" if changed else text
