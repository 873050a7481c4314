"""Quality of the outputs: accuracy on labelled samples, agreement with the baseline on the same samples."""

from __future__ import annotations

import math

from benchfleet.core.evidence import Evidence, OutputCheck
from benchfleet.core.metric import Metric
from benchfleet.core.results import Value, missing


def _outputs(evidence: Evidence) -> OutputCheck | Value:
    return evidence.model.outputs or missing("outputs were not checked")


def _share(hits: int, n: int, method: str) -> Value:
    """A share with its Wilson interval."""
    p, z = hits / n, 1.959964
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return Value(
        value=p, ci95=(max(0.0, centre - half), min(1.0, centre + half)), n=n, method=method, source="data set"
    )


def _top1(evidence: Evidence) -> Value:
    outputs = _outputs(evidence)
    if isinstance(outputs, Value):
        return outputs
    if outputs.hits_top1 is None or not outputs.labelled:
        return missing(outputs.reason or "no labelled data set was given")
    return _share(outputs.hits_top1, outputs.labelled, "arg max equals label; Wilson interval")


def _top5(evidence: Evidence) -> Value:
    outputs = _outputs(evidence)
    if isinstance(outputs, Value):
        return outputs
    if outputs.hits_top5 is None or not outputs.labelled:
        return missing(outputs.reason or "no labelled data set with more than five classes was given")
    return _share(outputs.hits_top5, outputs.labelled, "label among the five largest; Wilson interval")


def _pair(evidence: Evidence) -> tuple[OutputCheck, OutputCheck] | None:
    if evidence.baseline is None or evidence.baseline.outputs is None or evidence.model.outputs is None:
        return None
    return evidence.model.outputs, evidence.baseline.outputs


def _agreement(evidence: Evidence) -> Value:
    pair = _pair(evidence)
    if pair is None:
        return missing("the campaign has no baseline for this cell")
    n = min(len(pair[0].predictions), len(pair[1].predictions))
    if not n:
        return missing("the outputs have no arg max to compare")
    same = sum(a == b for a, b in zip(pair[0].predictions[:n], pair[1].predictions[:n], strict=True))
    return _share(same, n, "same arg max as the baseline; Wilson interval")


def _drop(evidence: Evidence) -> Value:
    pair = _pair(evidence)
    if pair is None:
        return missing("the campaign has no baseline for this cell")
    ours, theirs = pair
    if ours.hits_top1 is None or theirs.hits_top1 is None or not ours.labelled or not theirs.labelled:
        return missing("no labelled data set was given")
    drop = theirs.hits_top1 / theirs.labelled - ours.hits_top1 / ours.labelled
    return Value(value=100 * drop, n=ours.labelled, method="baseline top-1 - top-1, same samples", source="data set")


def _difference(evidence: Evidence) -> Value:
    pair = _pair(evidence)
    if pair is None:
        return missing("the campaign has no baseline for this cell")
    ours, theirs = pair[0].first_outputs, pair[1].first_outputs
    if not ours or len(ours) != len(theirs):
        return missing("the outputs of model and baseline have different sizes")
    worst = max(abs(a - b) for a, b in zip(ours, theirs, strict=True))
    if not math.isfinite(worst):
        return missing("an output is not finite")
    return Value(value=worst, n=len(ours), method="largest absolute difference of the first output, dequantised")


METRICS = (
    Metric(name="accuracy_top1", unit="ratio", better="higher", help="top-1 accuracy", how="labels", compute=_top1),
    Metric(name="accuracy_top5", unit="ratio", better="higher", help="top-5 accuracy", how="labels", compute=_top5),
    Metric(
        name="accuracy_drop_pp",
        unit="pp",
        better="lower",
        help="top-1 lost against the baseline",
        how="percentage points",
        compute=_drop,
    ),
    Metric(
        name="agreement_with_reference",
        unit="ratio",
        better="higher",
        help="share of samples with the baseline's arg max",
        how="same samples, same order",
        compute=_agreement,
    ),
    Metric(
        name="output_max_abs_diff",
        unit="1",
        better="lower",
        help="largest difference from the baseline's output",
        how="first samples, dequantised",
        compute=_difference,
    ),
)
