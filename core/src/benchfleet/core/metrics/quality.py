"""Quality of the outputs: what a task scored, what was lost to the baseline, how far outputs differ from others."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Literal

from benchfleet.core.evidence import Evidence, Likeness, OutputCheck, Score
from benchfleet.core.metric import Metric
from benchfleet.core.proportions import mean_interval, paired_shares, percentile_interval, wilson
from benchfleet.core.results import Value, missing


def scored(name: str) -> Callable[[Evidence], Value]:
    """A metric that a task scores: what the task said, or why it said nothing."""

    def compute(evidence: Evidence) -> Value:
        outputs = evidence.model.outputs
        if outputs is None:
            return missing("outputs were not checked")
        found = outputs.scores.get(name)
        if found is None:
            return missing("no data set whose task scores this was given")
        if found.value is None:
            return missing(found.reason)
        return Value(
            value=found.value, ci95=found.ci95, n=found.n, method=found.method, source=found.source, scope=outputs.task
        )

    return compute


def _pair(evidence: Evidence) -> tuple[OutputCheck, OutputCheck] | None:
    if evidence.baseline is None or evidence.baseline.outputs is None or evidence.model.outputs is None:
        return None
    return evidence.model.outputs, evidence.baseline.outputs


NO_BASELINE = "the campaign has no baseline for this cell"


def _agreement(evidence: Evidence) -> Value:
    pair = _pair(evidence)
    if pair is None:
        return missing(NO_BASELINE)
    n = min(len(pair[0].predictions), len(pair[1].predictions))
    if not n:
        return missing("the outputs have no arg max to compare")
    same = sum(a == b and a >= 0 for a, b in zip(pair[0].predictions[:n], pair[1].predictions[:n], strict=True))
    return Value(
        value=same / n, ci95=wilson(same, n), n=n, method="same arg max as the baseline; Wilson interval",
        source="data set",
    )  # fmt: skip


def _drop(evidence: Evidence) -> Value:
    """What the task's first metric lost against the baseline, in percentage points."""
    pair = _pair(evidence)
    if pair is None:
        return missing(NO_BASELINE)
    name = pair[0].primary
    if name is None or pair[1].primary != name:
        return missing("no labelled data set was given")
    ours, theirs = (outputs.scores.get(name) for outputs in pair)
    if ours is None or theirs is None or ours.value is None or theirs.value is None:
        lost = ours if ours is None or ours.value is None else theirs
        return missing(lost.reason if lost is not None and lost.reason else f"{name} was not scored on both")
    return _lost(name, pair[0].points, theirs, ours)


def _lost(name: str, points: float, theirs: Score, ours: Score) -> Value:
    n = min(ours.n, theirs.n)
    what = f"baseline {name} - {name}, same samples"
    if ours.per_sample and theirs.per_sample:
        a, b = theirs.per_sample[:n], ours.per_sample[:n]
        lost = (sum(a) - sum(b)) / n
        if {*a, *b} <= {0.0, 1.0}:
            interval: tuple[float, float] | None = paired_shares(a, b)
            how = "paired interval of Bonett and Price"
        else:
            interval = mean_interval([x - y for x, y in zip(a, b, strict=True)])
            how = "t interval of the paired differences"
    elif ours.n != theirs.n:
        return missing(f"{name} was scored on {theirs.n} samples of the baseline and on {ours.n} of the model")
    else:
        assert ours.value is not None
        assert theirs.value is not None
        lost, interval, how = theirs.value - ours.value, None, "no interval: too many samples to resample on a device"
        if ours.replicates and len(ours.replicates) == len(theirs.replicates):
            interval = percentile_interval([x - y for x, y in zip(theirs.replicates, ours.replicates, strict=True)])
            how = "paired bootstrap over samples"
    return Value(
        value=points * lost,
        ci95=None if interval is None else (points * interval[0], points * interval[1]),
        n=n,
        method=f"{what}; {how}",
        source="data set",
    )


Which = Literal["baseline", "stored"]
_ABSENT = {"baseline": NO_BASELINE, "stored": "the data set stores no reference outputs"}


def _likeness(which: Which, field: str, method: str) -> Callable[[Evidence], Value]:
    def compute(evidence: Evidence) -> Value:
        outputs = evidence.model.outputs
        found: Likeness | None = None if outputs is None else getattr(outputs, which)
        if found is None:
            return missing(_ABSENT[which])
        number = getattr(found, field)
        if number is None:
            return missing(found.reason or "no sample could be compared")
        return Value(value=number, n=found.samples, method=method, source=which)

    return compute


_DIFFERENCE = "largest absolute difference over all outputs of all samples, dequantised"
_COSINE = "mean over samples of the cosine of all outputs, dequantised"

METRICS = (
    Metric(
        name="accuracy_top1", unit="ratio", better="higher", help="top-1 accuracy", how="labels",
        compute=scored("accuracy_top1"), family="outputs", high=1,
    ),
    Metric(
        name="accuracy_top5", unit="ratio", better="higher", help="top-5 accuracy", how="labels",
        compute=scored("accuracy_top5"), family="outputs", high=1,
    ),
    Metric(
        name="map_50_95", unit="ratio", better="higher", help="COCO's AP, IoU 0.50 to 0.95", how="pycocotools",
        compute=scored("map_50_95"), family="outputs", high=1,
    ),
    Metric(
        name="map_50", unit="ratio", better="higher", help="COCO's AP at IoU 0.50", how="pycocotools",
        compute=scored("map_50"), family="outputs", high=1,
    ),
    Metric(
        name="bleu", unit="1", better="higher", help="BLEU, 0 to 100", how="sacrebleu",
        compute=scored("bleu"), family="outputs", high=100,
    ),
    Metric(
        name="rouge_l", unit="ratio", better="higher", help="F-measure of ROUGE-L", how="rouge-score",
        compute=scored("rouge_l"), family="outputs", high=1,
    ),
    Metric(
        name="accuracy_drop_pp", unit="pp", better="lower", help="what the task's first metric lost to the baseline",
        how="percentage points, or BLEU points, paired by sample", compute=_drop, family="outputs",
    ),
    Metric(
        name="agreement_with_reference", unit="ratio", better="higher",
        help="share of samples with the baseline's arg max", how="same samples, same order",
        compute=_agreement, family="outputs", high=1,
    ),
    Metric(
        name="output_max_abs_diff", unit="1", better="lower", help="largest difference from the baseline's outputs",
        how="all samples, dequantised",
        compute=_likeness("baseline", "max_abs_diff", _DIFFERENCE), family="outputs", high=inf,
    ),
    Metric(
        name="output_cosine", unit="1", better="higher", help="cosine with the baseline's outputs",
        how="mean over samples",
        compute=_likeness("baseline", "cosine_mean", _COSINE), family="outputs", low=-1, high=1,
    ),
    Metric(
        name="stored_output_max_abs_diff", unit="1", better="lower",
        help="largest difference from the outputs stored in the data set", how="all samples, dequantised",
        compute=_likeness("stored", "max_abs_diff", _DIFFERENCE), family="outputs", high=inf,
    ),
    Metric(
        name="stored_output_cosine", unit="1", better="higher", help="cosine with the outputs stored in the data set",
        how="mean over samples",
        compute=_likeness("stored", "cosine_mean", _COSINE), family="outputs", low=-1, high=1,
    ),
)  # fmt: skip
