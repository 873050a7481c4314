"""The timed region: nothing in it but two clock reads and the call."""

import time
from array import array
from typing import Callable, Optional, Tuple

CALLS_MAX = 4_000
"""Of one round: enough for any percentile; a model of under 60 us ends its round early."""


def closed_loop(
    run: Callable[[], None],
    out: "array[int]",
    calls_min: int,
    span_ns: int,
    cap_ns: int,
    between: Optional[Callable[[int], None]] = None,
) -> Tuple[int, int, int]:
    """Calls `run` back to back; nanoseconds of each go to `out`. Returns (calls, first start, last end).

    Ends after at least `calls_min` calls and `span_ns`, when `out` is full, or with the call that passes `cap_ns`: a
    slow model ends its round with fewer calls. `between(i)` is called after call i, outside the timed region.
    """
    clock = time.perf_counter_ns
    room = len(out)
    i = 0
    first = clock()
    until, cap = first + span_ns, first + max(span_ns, cap_ns)
    while True:
        before = clock()
        run()
        after = clock()
        out[i] = after - before
        if between is not None:
            between(i)
        i += 1
        if (after >= until and i >= calls_min) or i >= room or after >= cap:
            return i, first, after


def untimed(run: Callable[[], None], until: int, end: int) -> Tuple[int, int]:
    """Calls `run` until the clock passes `until`; returns (calls, last end), where `end` was the last before."""
    clock = time.perf_counter_ns
    calls = 0
    while end < until:
        run()
        calls += 1
        end = clock()
    return calls, end
