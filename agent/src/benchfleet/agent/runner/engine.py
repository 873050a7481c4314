"""What an engine says of itself after the rounds: its own time of a call, beside ours, and an accelerator's memory."""

import time
from statistics import median
from typing import Any, Dict, List

CALLS_MIN, CALLS_MAX = 20, 500
SPAN_S = 0.5


def say(session: Any) -> Dict[str, Any]:
    """Facts, each there only if the session tells it; a call is timed by both clocks at once, so that they compare."""
    said: Dict[str, Any] = {}
    if hasattr(session, "engine_ns"):
        wall: List[int] = []
        own: List[int] = []
        clock = time.perf_counter_ns
        until = clock() + int(SPAN_S * 1e9)
        while len(wall) < CALLS_MAX and (len(wall) < CALLS_MIN or clock() < until):
            before = clock()
            session.run()
            after = clock()
            wall.append(after - before)
            own.append(session.engine_ns())
            if after > until + int(3 * SPAN_S * 1e9):
                break
        said["engine_latency_ms_p50"] = median(own) * 1e-6
        said["engine_share_of_wall"] = median(o / w for o, w in zip(own, wall))
        said["engine_calls"] = len(own)
    if hasattr(session, "device_memory_bytes"):
        said["device_memory_peak_bytes"] = session.device_memory_bytes()
    return said
