"""All samples are there from the start: batches back to back, judged by samples per second (MLPerf Offline).

    scenarios: [offline, {offline: {streams: [2, 4]}}]

With streams, as many threads each have a session of their own and call it back to back: several calls of one thread
each may do more samples a second than one call of several threads, and a batch may do more than both.
"""

from typing import Any, Dict, Optional

SAMPLE = "one call of one batch, from its start to its end, whatever other streams do"
SHOWS = ("throughput_per_s", "streams", "batch_size", "latency_ms_p50")
PARAMS: Dict[str, Dict[str, Any]] = {
    "streams": {"kind": "count", "max": 256, "default": 1, "help": "sessions that work side by side"},
}


def refuse(batch: int, params: Dict[str, Any]) -> Optional[str]:
    """Any batch goes."""
    return None


def streams(params: Dict[str, Any]) -> int:
    """Each is a thread with a session of its own."""
    return int(params["streams"])


def drive(load: Any) -> Any:
    """Back to back, in every stream."""
    return load.closed_loop() if load.params["streams"] == 1 else load.streams()
