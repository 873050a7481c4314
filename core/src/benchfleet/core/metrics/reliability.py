"""Outputs that are no numbers, counted outside the timed region."""

from __future__ import annotations

from collections.abc import Callable

from benchfleet.core.evidence import Evidence
from benchfleet.core.metric import Metric
from benchfleet.core.results import Value, missing


def _count(field: str) -> Callable[[Evidence], Value]:
    def compute(evidence: Evidence) -> Value:
        outputs = evidence.model.outputs
        if outputs is None:
            return missing("outputs were not checked")
        return Value(value=float(getattr(outputs, field)), n=outputs.samples, method="counted in every output checked")

    return compute


METRICS = (
    Metric(
        name="nan_count", unit="1", better="lower", help="NaN in outputs", how="counted", compute=_count("nan_count")
    ),
    Metric(
        name="inf_count", unit="1", better="lower", help="infinities in outputs", how="counted",
        compute=_count("inf_count"),
    ),
)  # fmt: skip
