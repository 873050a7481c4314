"""The fixed reference work that runs in every block: was the host slow, or the model?"""

from __future__ import annotations

from benchfleet.core import statistics
from benchfleet.core.evidence import Evidence
from benchfleet.core.metric import Metric
from benchfleet.core.results import Value, missing

_SOURCE = "reference work, interleaved with the model"


def _p50(evidence: Evidence) -> Value:
    if evidence.reference is None or not evidence.reference.rounds:
        return missing("the reference work was not run")
    found = statistics.median_of_rounds([r.wall_ns for r in evidence.reference.rounds])
    ci95 = None if found.ci95 is None else (found.ci95[0] * 1e-6, found.ci95[1] * 1e-6)
    return Value(value=found.value * 1e-6, ci95=ci95, n=found.n, method="median; spread of rounds", source=_SOURCE)


def _ratio(evidence: Evidence) -> Value:
    if evidence.reference is None or not evidence.reference.rounds:
        return missing("the reference work was not run")
    if evidence.reference_baseline_ns is None:
        return missing("this device has run the reference work too seldom to know what is usual")
    found = statistics.median_of_rounds([r.wall_ns for r in evidence.reference.rounds])
    usual = evidence.reference_baseline_ns
    ci95 = None if found.ci95 is None else (found.ci95[0] / usual, found.ci95[1] / usual)
    return Value(
        value=found.value / usual, ci95=ci95, n=found.n, method="median / median of earlier blocks", source=_SOURCE
    )


METRICS = (
    Metric(
        name="reference_ms_p50", unit="ms", better="neither", help="what the fixed reference work took",
        how="median of its interleaved rounds", compute=_p50,
    ),
    Metric(
        name="reference_ratio", unit="ratio", better="lower", help="reference work over what is usual on this device",
        how="its median / the median of earlier blocks", compute=_ratio,
    ),
)  # fmt: skip
