"""A fresh process: loading and first call together, over launches; few launches give a range, not a percentile."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import median

from benchfleet.core import statistics
from benchfleet.core.evidence import Evidence
from benchfleet.core.metric import Metric
from benchfleet.core.results import Value, missing

_MS = 1e-6
_HOW = "load + first inference of each launch"


def _over(reduce: Callable[[Sequence[float]], float], name: str, *, interval: bool) -> Callable[[Evidence], Value]:
    def compute(evidence: Evidence) -> Value:
        series = [(x.load_ns + x.first_inference_ns) * _MS for x in evidence.model.launches]
        if not series:
            return missing("no launch was completed")
        ci95 = statistics.interval_of_log_mean(series) if interval else None
        return Value(
            value=reduce(series), ci95=ci95, n=len(series), method=f"{name} over launches", source="wall clock"
        )

    return compute


METRICS = (
    Metric(
        name="cold_start_ms_p50", unit="ms", better="lower", help="loading and first call in a fresh process",
        how=f"{_HOW}, median", compute=_over(median, "median", interval=True),
    ),
    Metric(
        name="cold_start_ms_min", unit="ms", better="lower", help="the quickest start", how=f"{_HOW}, minimum",
        compute=_over(min, "minimum", interval=False),
    ),
    Metric(
        name="cold_start_ms_max", unit="ms", better="lower", help="the slowest start", how=f"{_HOW}, maximum",
        compute=_over(max, "maximum", interval=False),
    ),
)  # fmt: skip
