"""Burst and sustained speed: what minutes of load leave of the first.

The first tenth of the windows, at most a minute, against the last tenth. Only for the scenario that says that its one
launch is load without a pause; telling a hot device from a busy host is the business of flags and of the curve.
"""

from __future__ import annotations

from collections.abc import Callable

from benchfleet.core import scenario, statistics
from benchfleet.core.evidence import Evidence, Round
from benchfleet.core.metric import Metric
from benchfleet.core.results import Value, missing

SHARE = 0.1
BURST_MAX_NS = 60 * 10**9
WINDOWS_MIN = 10
_MS = 1e-6


def _split(evidence: Evidence) -> tuple[list[Round], list[Round]] | str:
    """Windows of the burst and of the end, or why there are none."""
    if not scenario.is_alone(evidence.scenario):
        return f"{evidence.scenario} is not load without a pause; use the scenario sustained"
    rounds = [r for r in evidence.model.rounds if r.wall_ns]
    if len(rounds) < WINDOWS_MIN:
        return f"{len(rounds)} windows; a tenth of them needs {WINDOWS_MIN}"
    count = int(len(rounds) * SHARE)
    until_ns = rounds[0].start_ns + BURST_MAX_NS
    burst = [r for r in rounds[:count] if r.end_ns <= until_ns] or rounds[:1]
    return burst, rounds[-count:]


def _median(pick: int, method: str) -> Callable[[Evidence], Value]:
    def compute(evidence: Evidence) -> Value:
        found = _split(evidence)
        if isinstance(found, str):
            return missing(found)
        estimate = statistics.median_of_rounds([r.wall_ns for r in found[pick]])
        ci95 = None if estimate.ci95 is None else (estimate.ci95[0] * _MS, estimate.ci95[1] * _MS)
        return Value(value=estimate.value * _MS, ci95=ci95, n=estimate.n, method=method, source="wall clock")

    return compute


def _ratio(evidence: Evidence) -> Value:
    found = _split(evidence)
    if isinstance(found, str):
        return missing(found)
    burst, end = (statistics.median_of_rounds([r.wall_ns for r in part]).value for part in found)
    return Value(
        value=end / burst,
        n=len(evidence.model.rounds),
        method="median latency of the last tenth of windows / of the first (at most a minute)",
        source="wall clock",
    )


METRICS = (
    Metric(
        name="burst_ms_p50", unit="ms", better="lower", help="median latency when the load began",
        how="first tenth of windows, at most a minute", compute=_median(0, "first tenth of windows, at most a minute"),
    ),
    Metric(
        name="sustained_ms_p50", unit="ms", better="lower", help="median latency when the load had lasted",
        how="last tenth of windows", compute=_median(1, "last tenth of windows"),
    ),
    Metric(
        name="sustained_over_burst_ratio", unit="ratio", better="lower", help="how much slower it became under load",
        how="median of the last tenth / of the first", compute=_ratio,
    ),
)  # fmt: skip
