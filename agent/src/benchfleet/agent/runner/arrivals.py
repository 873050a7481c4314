"""Load that arrives by a schedule, whatever the model does: nothing is skipped, and lateness counts.

The schedule is a list of nanoseconds from the round's start, drawn before it. The loop sleeps until shortly before the
next arrival and spins the rest: a plain sleep is 0.1 ms late, and that would be added to every latency. `now` and
`sleep` are handed in, so that tests turn the clock.
"""

import random
import time
from array import array
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence

SPIN_NS = 150_000
"""Longer than a sleeping thread is late on a quiet host (timer slack of 1 ns is set when the process starts)."""
AHEAD_NS = 1_000_000
"""Between the start of the round and the schedule's zero: nothing is late before it began."""
ARRIVALS_MAX = 65_536
"""Of one round: what a rate adds beyond it is not scheduled, and the round is shorter."""


class Clock(NamedTuple):
    """The time, and how to let it pass."""

    now: Callable[[], int] = time.perf_counter_ns
    sleep: Callable[[float], None] = time.sleep


class Served(NamedTuple):
    """One round by a schedule; arrays have one entry an arrival served."""

    start_ns: int
    end_ns: int
    unserved: int
    series: Dict[str, "array[int]"]


def poisson(rate: float, span_ns: int, seed: str) -> List[int]:
    """Arrival times of a Poisson process over a span; at least one arrival."""
    source = random.Random(seed)
    offsets: List[int] = []
    at_s = source.expovariate(rate)
    while (at_s * 1e9 < span_ns or not offsets) and len(offsets) < ARRIVALS_MAX:
        offsets.append(int(at_s * 1e9))
        at_s += source.expovariate(rate)
    return offsets


def periodic(rate: float, span_ns: int) -> List[int]:
    """Arrival times at a fixed rate over a span; at least one arrival."""
    count = max(1, min(ARRIVALS_MAX, int(span_ns * rate / 1e9)))
    return [int(i * 1e9 / rate) for i in range(count)]


def wait_until(due_ns: int, clock: Clock) -> int:
    """Sleeps, then spins; the time it was when the wait was over."""
    now = clock.now
    at = now()
    if due_ns - at > SPIN_NS:
        clock.sleep((due_ns - at - SPIN_NS) / 1e9)
        at = now()
    while at < due_ns:
        at = now()
    return at


def lasting(offsets: Sequence[int], span_ns: int) -> int:
    """How long a Poisson schedule lasts: its span, or until its last arrival where there was room for no more."""
    return span_ns if len(offsets) < ARRIVALS_MAX else offsets[-1]


def open_loop(
    run: Callable[[], None],
    offsets: Sequence[int],
    cap_ns: int,
    clock: Optional[Clock] = None,
    lasts_ns: int = 0,
) -> Served:
    """Serves arrivals one at a time in order; what is not begun `cap_ns` after the start is left and counted.

    The round ends with the last call, and not before the schedule is over: N frames take N periods, and without the
    last of them rate and power of a paced load would be off by one in N.

    Series: wall_ns from the scheduled time, scheduled_ns, lag_ns (from when it could have begun until it did) and
    service_ns.
    """
    clock = clock or Clock()
    now = clock.now
    n = len(offsets)
    wall, lag, service = (array("q", bytes(8 * n)) for _ in range(3))
    zero = now() + AHEAD_NS
    free, cap, i = zero, zero + cap_ns, 0
    while i < n and free < cap:
        due = zero + offsets[i]
        before = wait_until(due, clock)
        run()
        after = now()
        wall[i] = after - due
        lag[i] = before - (due if due > free else free)
        service[i] = after - before
        free = after
        i += 1
    kept = {"wall_ns": wall, "scheduled_ns": array("q", offsets), "lag_ns": lag, "service_ns": service}
    end_ns = _ended(free, zero + lasts_ns, clock)
    return Served(zero, end_ns, n - i, {name: held[:i] for name, held in kept.items()})


def gathered(
    runs: Dict[int, Callable[[], None]],
    offsets: Sequence[int],
    most: int,
    timeout_ns: int,
    cap_ns: int,
    clock: Optional[Clock] = None,
    lasts_ns: int = 0,
) -> Served:
    """Serves arrivals in batches: one leaves when it is full or its first arrival has waited for the timeout.

    `runs` holds a call for each size of batch; a batch is filled up to the next size. Series as of `open_loop`, and
    batch: how many arrivals went together.
    """
    clock = clock or Clock()
    now = clock.now
    n = len(offsets)
    wall, lag, service, batch = (array("q", bytes(8 * n)) for _ in range(4))
    sizes = _sizes(runs, most)
    zero = now() + AHEAD_NS
    free, cap, i = zero, zero + cap_ns, 0
    while i < n and free < cap:
        leaves = zero + offsets[i] + timeout_ns
        if i + most <= n:
            leaves = min(leaves, zero + offsets[i + most - 1])
        before = wait_until(leaves, clock)
        end = i + 1
        while end < n and end - i < most and zero + offsets[end] <= before:
            end += 1
        run = runs[sizes[end - i]]
        before = now()
        run()
        after = now()
        late = before - (leaves if leaves > free else free)
        for k in range(i, end):
            wall[k] = after - zero - offsets[k]
            lag[k] = late
            service[k] = after - before
            batch[k] = end - i
        free, i = after, end
    kept: Dict[str, Any] = {"wall_ns": wall, "scheduled_ns": array("q", offsets), "lag_ns": lag, "service_ns": service}
    kept["batch"] = batch
    end_ns = _ended(free, zero + lasts_ns, clock)
    return Served(zero, end_ns, n - i, {name: held[:i] for name, held in kept.items()})


def _ended(free_ns: int, over_ns: int, clock: Clock) -> int:
    """When the round was over: after the last call and after the schedule."""
    return free_ns if free_ns >= over_ns else wait_until(over_ns, clock)


def _sizes(runs: Dict[int, Callable[[], None]], most: int) -> List[int]:
    """For each number of arrivals the smallest call that holds them."""
    known = sorted(runs)
    return [0] + [next(size for size in known if size >= count) for count in range(1, most + 1)]
