"""Frames at a fixed rate, as from a camera: does the model keep up, and what does it cost to wake it each time?

    scenarios: [{realtime: {fps: 30}}, {realtime: {fps: 30, deadline: 20 ms}}]

A frame that finds the model busy waits and is served late; none is dropped. After the frames of a round some calls are
made back to back: the ratio of the two medians is what sleeping between frames costs (clocks that fell, cold caches).
"""

from typing import Any, Dict, Optional

SAMPLE = "one frame, from the time it was due to its answer"
SHOWS = (
    "latency_ms_p50",
    "latency_ms_p99",
    "deadline_miss_ratio",
    "idle_wake_ratio",
    "busy_ratio",
    "dispatch_lag_us_p99",
)
PARAMS: Dict[str, Dict[str, Any]] = {
    "fps": {"kind": "rate", "max": 10_000.0, "help": "frames per second"},
    "deadline": {
        "kind": "duration",
        "max": 3600.0,
        "default": None,
        "help": "of one frame; else the next frame's time",
    },
}
ROUNDS = {"quick": 5, "standard": 10, "gate": 10}
LAUNCHES = {"quick": 1, "standard": 3, "gate": 5}
SPAN_S, SPAN_MAX_S = 2.0, 15.0
FRAMES = 80
LATE = 3
BACK_TO_BACK = 20


def refuse(batch: int, params: Dict[str, Any]) -> Optional[str]:
    """A frame is one sample."""
    return None if batch == 1 else "realtime is one frame at a time; use offline for a batch of %d" % batch


def pace(profile: str, params: Dict[str, Any]) -> Dict[str, Any]:
    """As long as it takes to see enough frames."""
    rounds = ROUNDS[profile]
    span_s = min(SPAN_MAX_S, max(SPAN_S, FRAMES / params["fps"]))
    return {
        "launches": LAUNCHES[profile],
        "rounds_min": rounds,
        "rounds_max": rounds,
        "round_span_s": span_s,
        "launch_span_s": LATE * span_s * rounds,
    }


def drive(load: Any) -> Any:
    """Frames, then a few calls without a pause."""
    done = load.open_loop(load.periodic(load.params["fps"]))
    return load.and_back_to_back(done, BACK_TO_BACK)
