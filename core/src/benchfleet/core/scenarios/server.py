"""Queries arrive by chance, at a rate, whether or not the last is done (MLPerf Server: Poisson, one sample a query).

    scenarios: [{server: {qps: [50, 100], latency_bound: 50 ms}}]

The schedule is drawn from the seed before the round and is absolute. A query that finds the model busy waits and is
served late, in order; none is left out. Its latency counts from the time it was scheduled, so a stall of the model is
seen by all who would have met it ("coordinated omission" is what a closed loop does to them).
http://highscalability.com/blog/2015/10/5/your-load-generator-is-probably-lying-to-you-take-the-red-pi.html
"""

from typing import Any, Dict, Optional

SAMPLE = "one query, from its scheduled arrival to its answer: waiting for the model and for our own lateness included"
SHOWS = ("latency_ms_p50", "latency_ms_p99", "latency_bound_met", "queries", "busy_ratio", "dispatch_lag_us_p99")
PARAMS: Dict[str, Dict[str, Any]] = {
    "qps": {"kind": "rate", "max": 100_000.0, "help": "queries per second, on average"},
    "latency_bound": {"kind": "duration", "max": 3600.0, "default": None, "help": "what p99 has to stay within"},
}
ROUNDS = {"quick": 5, "standard": 10, "gate": 10}
LAUNCHES = {"quick": 1, "standard": 3, "gate": 5}
SPAN_S, SPAN_MAX_S = 2.0, 15.0
ARRIVALS = 80
"""Of a round at least, on average, unless that takes more than SPAN_MAX_S: five rounds then give a p99."""
LATE = 3
"""A round is cut at so many times its span: what is not served by then is counted, and makes the result invalid."""


def refuse(batch: int, params: Dict[str, Any]) -> Optional[str]:
    """A query is one sample."""
    return None if batch == 1 else "a query of server is one sample; use dynamic_batching for batches up to %d" % batch


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
    """By the schedule."""
    return load.open_loop(load.poisson(load.params["qps"]))
