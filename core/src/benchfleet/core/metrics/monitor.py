"""What reading the sensors costs the model: its latency with the sampler on, over that with it off, pair by pair.

Of the model itself in profile gate; of the reference work that every block runs in the others.
"""

from __future__ import annotations

import math

from benchfleet.core import statistics
from benchfleet.core.evidence import Evidence
from benchfleet.core.metric import Metric
from benchfleet.core.results import Value, missing


def _overhead(evidence: Evidence) -> Value:
    ratios = [on / off for on, off in evidence.monitor_pairs_ns if on > 0 and off > 0]
    if not ratios:
        return missing("no rounds were measured with the sampler off")
    return Value(
        value=math.exp(math.fsum(map(math.log, ratios)) / len(ratios)),
        ci95=statistics.interval_of_log_mean(ratios),
        n=len(ratios),
        method=f"geometric mean of paired ratios of round medians of the {evidence.monitor_of}, sampler on / off",
        source="wall clock",
    )


METRICS = (
    Metric(
        name="monitor_overhead_ratio",
        unit="ratio",
        better="lower",
        help="latency with the sampler on over latency with it off",
        how="pairs of neighbouring rounds in random order",
        compute=_overhead,
    ),
)
