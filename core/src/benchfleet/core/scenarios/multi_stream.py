"""Queries of several samples, the next as soon as the last is done (MLPerf MultiStream: p99 is what counts).

    scenarios: [multi_stream, {multi_stream: {samples: 4}}]

A query of 8 samples at batch 1 is eight calls, at batch 8 one call.
"""

from typing import Any, Dict, Optional

SAMPLE = "one query of all its samples, from the start of its first call to the end of its last"
SHOWS = ("latency_ms_p50", "latency_ms_p99", "throughput_per_s")
PARAMS: Dict[str, Dict[str, Any]] = {
    "samples": {"kind": "count", "max": 1024, "default": 8, "help": "samples of one query"},
}
QUERIES_MIN = 40
"""Of a round: ten rounds are then enough for a p99."""


def refuse(batch: int, params: Dict[str, Any]) -> Optional[str]:
    """The batch has to divide the query."""
    if params["samples"] % batch:
        return "a query of %d samples cannot be made of batches of %d; choose a divisor" % (params["samples"], batch)
    return None


def pace(profile: str, params: Dict[str, Any]) -> Dict[str, Any]:
    """More queries in a round than other scenarios have calls."""
    return {"round_calls_min": QUERIES_MIN}


def drive(load: Any) -> Any:
    """Query after query."""
    return load.closed_loop(calls=load.params["samples"] // load.batch)
