"""Requests arrive by chance and are gathered into batches, as a model server does it.

    scenarios: [{dynamic_batching: {qps: 200, max_batch: 8, timeout: 5 ms}}]

A batch leaves when it is full, or when its first request has waited for `timeout`, and never before the model is free.
Batches are filled up to the next power of two, each size with a session of its own that was prepared before: nothing is
allocated or copied while requests wait. That needs a model with a free batch axis.
"""

from typing import Any, Dict, List, Optional

SAMPLE = "one request, from its scheduled arrival to the answer of the batch it was in"
SHOWS = (
    "latency_ms_p50", "latency_ms_p99", "latency_bound_met", "gathered_batch_mean", "busy_ratio", "dispatch_lag_us_p99",
)  # fmt: skip
PARAMS: Dict[str, Dict[str, Any]] = {
    "qps": {"kind": "rate", "max": 100_000.0, "help": "requests per second, on average"},
    "max_batch": {"kind": "count", "max": 1024, "default": 8, "help": "requests in one call"},
    "timeout": {"kind": "duration", "max": 60.0, "default": 0.005, "help": "how long the first of a batch waits"},
    "latency_bound": {"kind": "duration", "max": 3600.0, "default": None, "help": "what p99 has to stay within"},
}
ROUNDS = {"quick": 5, "standard": 10, "gate": 10}
LAUNCHES = {"quick": 1, "standard": 3, "gate": 5}
SPAN_S, SPAN_MAX_S = 2.0, 15.0
ARRIVALS = 80
LATE = 3


def refuse(batch: int, params: Dict[str, Any]) -> Optional[str]:
    """The scenario makes the batches."""
    return None if batch == 1 else "dynamic_batching makes the batches itself: set max_batch to %d, not batch" % batch


def batch_max(params: Dict[str, Any]) -> int:
    """The largest call."""
    return int(params["max_batch"])


def batches(params: Dict[str, Any]) -> List[int]:
    """Powers of two below the largest, and the largest; 1 is the first session's."""
    sizes = []
    size = 2
    while size < params["max_batch"]:
        sizes.append(size)
        size *= 2
    return [*sizes, params["max_batch"]] if params["max_batch"] > 1 else []


def pace(profile: str, params: Dict[str, Any]) -> Dict[str, Any]:
    """Fewer and longer rounds, since a queue needs time to build."""
    rounds = ROUNDS[profile]
    span_s = min(SPAN_MAX_S, max(SPAN_S, ARRIVALS / params["qps"]))
    return {
        "launches": LAUNCHES[profile],
        "rounds_min": rounds,
        "rounds_max": rounds,
        "round_span_s": span_s,
        "launch_span_s": LATE * span_s * rounds,
    }


def drive(load: Any) -> Any:
    """By the schedule, gathered."""
    params = load.params
    return load.gathered(load.poisson(params["qps"]), params["max_batch"], params["timeout_s"])
