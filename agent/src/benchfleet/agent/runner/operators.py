"""The profile pass: where the time of a call goes, by operator, in a process of its own that is never timed."""

import time
from statistics import median
from typing import Any, Callable, Dict, List

from benchfleet.agent.runner.contract import Operator, RuntimeFault

RUNS_MIN, RUNS_MAX = 11, 200
"""The first run is not counted; a library's profiler holds a fixed number of events (a million in ONNX Runtime)."""
TOP = 50
"""Operators that are kept; the rest is one sum. A result stays small whatever the model."""
NAME_MAX = 200


def runs(run: Callable[[], None], span_s: float) -> int:
    """Calls until `span_s` is over, at least RUNS_MIN unless they take four times as long; returns how many."""
    started = time.monotonic()
    done = 0
    while done < RUNS_MAX:
        run()
        done += 1
        spent = time.monotonic() - started
        if (spent >= span_s and done >= RUNS_MIN) or (spent >= 4 * span_s and done >= 2):
            break
    return done


def summary(found: List[Operator], done: int) -> Dict[str, Any]:
    """The longest operators with their share of a call, and the share of each provider over all of them.

    Shares are of medians: a mean holds the times that the process was not on a CPU.
    """
    ran = [o for o in found if o.spent_us]
    if not ran:
        raise RuntimeFault("no_operators", "the profiler told of no operator")
    counted = max(1, done - 1)
    weights = [median(o.spent_us) * len(o.spent_us) / counted for o in ran]
    total_us = sum(weights)
    by_provider: Dict[str, float] = {}
    for o, us in zip(ran, weights):
        by_provider[o.provider] = by_provider.get(o.provider, 0.0) + us
    ranked = sorted(zip(weights, ran), key=lambda pair: (-pair[0], pair[1].name))
    return {
        "runs": counted,
        "operators": len(ran),
        "call_us": total_us,
        "time_shares": {k: us / total_us for k, us in sorted(by_provider.items())} if total_us else {},
        "top": [
            {
                "name": o.name[:NAME_MAX],
                "kind": o.kind[:NAME_MAX],
                "provider": o.provider[:NAME_MAX],
                "share": us / total_us if total_us else 0.0,
                "median_us": median(o.spent_us),
                "mean_us": sum(o.spent_us) / len(o.spent_us),
                "calls": len(o.spent_us),
            }
            for us, o in ranked[:TOP]
        ],
    }
