"""Percentiles as MLCommons LoadGen would print them: its early-stopping estimate of the same calls, bit for bit."""

from __future__ import annotations

from collections.abc import Callable

from benchfleet.core import early_stopping
from benchfleet.core.evidence import Evidence
from benchfleet.core.metric import Metric
from benchfleet.core.results import Value, missing


def _estimate(q: float) -> Callable[[Evidence], Value]:
    def compute(evidence: Evidence) -> Value:
        ordered = sorted(x for r in evidence.model.rounds for x in r.wall_ns)
        value_ns = early_stopping.estimate(ordered, q)
        if value_ns is None:
            return missing(f"{len(ordered)} samples; LoadGen gives this percentile from {early_stopping.GRADES[q]} on")
        left_out = early_stopping.overlong(len(ordered), q) - 1
        return Value(
            value=value_ns * 1e-6,
            n=len(ordered),
            method=f"longest call after the {left_out} longest are left out; one-sided, 99 % if calls are independent",
            source="wall clock",
        )

    return compute


METRICS = tuple(
    Metric(
        name=f"early_stopping_ms_p{name}", unit="ms", better="lower",
        help=f"LoadGen's early-stopping estimate of {q:.1%}: a bound from above",
        how=f"x[n-t] of the sorted calls, t the largest with BinomCDF(t; n, {1 - q:.3g}) <= 0.01",
        compute=_estimate(q),
    )
    for name, q in (("90", 0.9), ("95", 0.95), ("99", 0.99), ("999", 0.999))
)  # fmt: skip
