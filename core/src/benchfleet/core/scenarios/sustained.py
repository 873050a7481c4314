"""Load without a pause for minutes: what is left when the device is as hot as it gets.

    scenarios: [{sustained: {duration: 10min}}]

One launch, one window after the other. The first tenth (at most a minute) is the burst, the last tenth is the sustained
speed; the ratio of their medians is what heat costs. Where a temperature can be read, it ends once that no longer
rises; otherwise after `duration`.
"""

from typing import Any, Dict, Optional

SAMPLE = "one call, from its start to its end, back to back with the last"
SHOWS = ("burst_ms_p50", "sustained_ms_p50", "sustained_over_burst_ratio", "throughput_per_s")
PARAMS: Dict[str, Dict[str, Any]] = {
    "duration": {"kind": "duration", "min": 10.0, "max": 7200.0, "help": "how long at most"},
}
ALONE = True
WINDOWS, WINDOW_MAX_S = 100, 10.0


def refuse(batch: int, params: Dict[str, Any]) -> Optional[str]:
    """Any batch goes."""
    return None


def pace(profile: str, params: Dict[str, Any]) -> Dict[str, Any]:
    """One launch of windows that fill the duration."""
    window_s = min(WINDOW_MAX_S, params["duration_s"] / WINDOWS)
    windows = int(params["duration_s"] / window_s + 0.5)
    return {
        "launches": 1,
        "rounds_min": windows,
        "rounds_max": windows,
        "round_calls_min": 1,
        "round_span_s": window_s,
        "launch_span_s": params["duration_s"],
        "settled_by_temperature": True,
    }


def drive(load: Any) -> Any:
    """Back to back."""
    return load.closed_loop(whole_span=True)
