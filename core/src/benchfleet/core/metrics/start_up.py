"""A fresh process: loading and first call together, over launches; few launches give a range, not a percentile.

The median and its interval are made as those of a latency are, each launch a round of one call: in scenario cold_start,
where they are the same numbers, `latency_ms_p50` and `cold_start_ms_p50` say the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from benchfleet.core import statistics
from benchfleet.core.evidence import Evidence
from benchfleet.core.metric import Metric
from benchfleet.core.results import Value, missing

_MS = 1e-6
_HOW = "load + first inference of each launch"


def _starts_ms(evidence: Evidence) -> list[float]:
    return [(x.load_ns + x.first_inference_ns) * _MS for x in evidence.model.launches]


def _median(evidence: Evidence) -> Value:
    series = _starts_ms(evidence)
    if not series:
        return missing("no launch was completed")
    found, least = statistics.median_of_rounds([[x] for x in series]), statistics.MEDIAN_INTERVAL_MIN
    method = "median over launches; interval from their order"
    if found.ci95 is None:
        method = f"median over launches; an interval needs {least} of them"
    return Value(value=found.value, ci95=found.ci95, n=found.n, method=method, source="wall clock")


def _over(reduce: Callable[[Sequence[float]], float], name: str) -> Callable[[Evidence], Value]:
    def compute(evidence: Evidence) -> Value:
        series = _starts_ms(evidence)
        if not series:
            return missing("no launch was completed")
        return Value(value=reduce(series), n=len(series), method=f"{name} over launches", source="wall clock")

    return compute


METRICS = (
    Metric(
        name="cold_start_ms_p50", unit="ms", better="lower", help="loading and first call in a fresh process",
        how=f"{_HOW}, x[ceil(n/2)-1]; interval as that of latency_ms_p50, from "
        f"{statistics.MEDIAN_INTERVAL_MIN} launches on",
        compute=_median,
    ),
    Metric(
        name="cold_start_ms_min", unit="ms", better="lower", help="the quickest start", how=f"{_HOW}, minimum",
        compute=_over(min, "minimum"),
    ),
    Metric(
        name="cold_start_ms_max", unit="ms", better="lower", help="the slowest start", how=f"{_HOW}, maximum",
        compute=_over(max, "maximum"),
    ),
)  # fmt: skip
