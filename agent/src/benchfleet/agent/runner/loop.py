"""The timed region: nothing in it but two clock reads and the call."""

import time
from array import array
from typing import Callable, Tuple

CALLS_MAX = 10_000
"""Of one round: enough for any percentile; a model of under 10 us ends its round early."""


def closed_loop(run: Callable[[], None], out: "array[int]", calls_min: int, span_ns: int) -> Tuple[int, int, int]:
    """Calls `run` back to back; nanoseconds of each go to `out`. Returns (calls, first start, last end).

    Ends after at least `calls_min` calls and `span_ns`, or when `out` is full.
    """
    clock = time.perf_counter_ns
    room = len(out)
    i = 0
    first = before = clock()
    until = first + span_ns
    while True:
        before = clock()
        run()
        after = clock()
        out[i] = after - before
        i += 1
        if (after >= until and i >= calls_min) or i >= room:
            return i, first, after
