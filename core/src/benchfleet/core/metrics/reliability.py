"""Outputs that are no numbers, that change, or that never come: counted outside the timed region."""

from __future__ import annotations

from collections.abc import Callable
from math import inf

from benchfleet.core.evidence import Evidence
from benchfleet.core.metric import Metric
from benchfleet.core.results import Value, missing


def _count(field: str) -> Callable[[Evidence], Value]:
    def compute(evidence: Evidence) -> Value:
        outputs = evidence.model.outputs
        if outputs is None:
            return missing("outputs were not checked")
        n = outputs.samples + outputs.repeats
        if not n:
            return missing("no output was checked")
        return Value(
            value=float(getattr(outputs, field)),
            n=n,
            method="counted in every output checked, those taken between timed calls too",
        )

    return compute


def _std(evidence: Evidence) -> Value:
    outputs = evidence.model.outputs
    if outputs is None:
        return missing("outputs were not checked")
    if outputs.output_std is None:
        return missing("fewer than two outputs of one input were comparable")
    return Value(
        value=outputs.output_std,
        n=outputs.repeats,
        method="largest standard deviation of an output element over repeats of one input, between timed calls",
    )


def _errors(evidence: Evidence) -> Value:
    outputs = evidence.model.outputs
    if outputs is None:
        return missing("outputs were not checked")
    calls = outputs.calls + sum(len(r.wall_ns) for r in evidence.model.rounds)
    if not calls:
        return missing("no call was made")
    return Value(
        value=outputs.errors / calls,
        n=calls,
        method="calls on the data set that raised / all calls; a timed call that raises fails the run",
    )


METRICS = (
    Metric(
        name="nan_count", unit="1", better="lower", help="NaN in outputs", how="counted",
        compute=_count("nan_count"), family="outputs",
    ),
    Metric(
        name="inf_count", unit="1", better="lower", help="infinities in outputs", how="counted",
        compute=_count("inf_count"), family="outputs",
    ),
    Metric(
        name="output_std", unit="1", better="lower", help="how far outputs of one input differ from call to call",
        how="largest standard deviation of an element", compute=_std, family="outputs", high=inf,
    ),
    Metric(
        name="error_ratio", unit="ratio", better="lower", help="share of calls that raised", how="counted",
        compute=_errors, high=1,
    ),
)  # fmt: skip
