"""Throughput: samples over wall time, never the inverse of a latency; and the batch and streams it holds for."""

from __future__ import annotations

from benchfleet.core import scenario, statistics
from benchfleet.core.evidence import Evidence, Round
from benchfleet.core.metric import Metric
from benchfleet.core.results import Value, missing


def _samples(evidence: Evidence, each: Round) -> int:
    return len(each.wall_ns) * evidence.batch if each.samples is None else each.samples


def _throughput(evidence: Evidence) -> Value:
    rounds = [r for r in evidence.model.rounds if r.end_ns > r.start_ns]
    if not rounds:
        return missing("no round was measured")
    counts = [_samples(evidence, r) for r in rounds]
    if not any(counts):
        return missing(f"{evidence.scenario} is not a stream of samples")
    estimate = statistics.rate_of_rounds(counts, [r.end_ns - r.start_ns for r in rounds])
    return Value(
        value=estimate.value,
        ci95=estimate.ci95,
        n=estimate.n,
        method="samples / wall time inside rounds; interval from the spread of the rounds' rates"
        + ("; as paced, not the most it can do" if _paced(evidence) else ""),
        source="wall clock",
    )


def _paced(evidence: Evidence) -> bool:
    return any("scheduled_ns" in r.extra for r in evidence.model.rounds)


def _batch(evidence: Evidence) -> Value:
    return Value(value=float(evidence.batch), method="as set")


def _streams(evidence: Evidence) -> Value:
    streams = scenario.stream_count(evidence.scenario, evidence.scenario_params)
    return Value(value=float(streams), method="as set")


METRICS = (
    Metric(
        name="throughput_per_s",
        unit="1/s",
        better="higher",
        help="samples per second",
        how="samples / (last end - first start), summed over rounds",
        compute=_throughput,
    ),
    Metric(
        name="batch_size", unit="1", better="neither", help="samples in one call", how="as set",
        compute=_batch, family="file",
    ),
    Metric(
        name="streams", unit="1", better="neither", help="sessions that worked side by side", how="as set",
        compute=_streams, family="file",
    ),
)  # fmt: skip
