"""Throughput: samples over wall time, never the inverse of a latency."""

from __future__ import annotations

from benchfleet.core import statistics
from benchfleet.core.evidence import Evidence
from benchfleet.core.metric import Metric
from benchfleet.core.results import Value, missing


def _throughput(evidence: Evidence) -> Value:
    rounds = [r for r in evidence.model.rounds if r.end_ns > r.start_ns]
    if not rounds:
        return missing("no round was measured")
    estimate = statistics.rate_of_rounds(
        [len(r.wall_ns) * evidence.batch for r in rounds], [r.end_ns - r.start_ns for r in rounds]
    )
    return Value(
        value=estimate.value,
        ci95=estimate.ci95,
        n=estimate.n,
        method="samples / wall time inside rounds; interval from the spread of the rounds' rates",
        source="wall clock",
    )


def _batch(evidence: Evidence) -> Value:
    return Value(value=float(evidence.batch), method="as set")


METRICS = (
    Metric(
        name="throughput_per_s",
        unit="1/s",
        better="higher",
        help="samples per second",
        how="samples / (last end - first start), summed over rounds",
        compute=_throughput,
    ),
    Metric(name="batch_size", unit="1", better="neither", help="samples in one call", how="as set", compute=_batch),
)
