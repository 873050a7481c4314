"""How late an arrival by a schedule is dispatched: sleeping until 150 us before and spinning, against sleeping alone.

Both serve the same Poisson arrivals with a short call, in alternating rounds of one process with the runner's timer
slack. The lag is from the later of "scheduled" and "free" to the start of the call. The share of time that the thread
waited for a CPU says how quiet the host was: on a busy one both tails are the scheduler's.
"""

from __future__ import annotations

import ctypes
import statistics
import time

from benchfleet.agent.runner import arrivals, process

ROUNDS, SPAN_NS, QPS = 12, 2_000_000_000, 200.0
CALL_NS = 200_000
GOAL_P50_US, GOAL_P99_US = 1.0, 5.0
QUIET = 0.001
_PR_SET_TIMERSLACK = 29


def call() -> None:
    """A short inference: keeps the core as one does."""
    until = time.perf_counter_ns() + CALL_NS
    while time.perf_counter_ns() < until:
        pass


def main() -> None:
    """Measure and print one line."""
    ctypes.CDLL(None).prctl(_PR_SET_TIMERSLACK, 1, 0, 0, 0)
    process.settle()
    meter = process.WaitMeter(1)
    lags: dict[int, list[list[int]]] = {arrivals.SPIN_NS: [], 0: []}
    meter.restart()
    started_ns = time.perf_counter_ns()
    for index in range(ROUNDS):
        for spin_ns, held in lags.items():
            arrivals.SPIN_NS = spin_ns
            offsets = arrivals.poisson(QPS, SPAN_NS, f"{index}")
            held.append(list(arrivals.open_loop(call, offsets, 3 * SPAN_NS).series["lag_ns"]))
    waited = meter.since_restart_ns(0)
    share = (waited or 0) / (time.perf_counter_ns() - started_ns)
    (spun, slept) = ([sorted(each) for each in held] for held in lags.values())
    p50, p99 = (_us(spun, q) for q in (0.5, 0.99))
    plain_p50, plain_p99 = (_us(slept, q) for q in (0.5, 0.99))
    ratios = sorted(_of(a, 0.5) / _of(b, 0.5) for a, b in zip(slept, spun, strict=True))
    met = "within" if p50 <= GOAL_P50_US and p99 <= GOAL_P99_US else "ABOVE"
    quiet = "quiet" if share <= QUIET else "NOT quiet"
    print(
        f"arrival_precision: dispatch lag p50 {p50:.2f} us, p99 {p99:.2f} us ({met} the goal of {GOAL_P50_US:.0f} and "
        f"{GOAL_P99_US:.0f} us on a quiet host; this one was {quiet}, waiting for a CPU {share:.2%} of the time); "
        f"sleeping alone p50 {plain_p50:.1f} us, p99 {plain_p99:.1f} us; ratio of medians "
        f"{statistics.median(ratios):.0f} (median of {ROUNDS} pairs of rounds, n={sum(map(len, spun))})"
    )


def _of(ordered: list[int], q: float) -> float:
    return float(ordered[min(len(ordered) - 1, int(len(ordered) * q))])


def _us(rounds: list[list[int]], q: float) -> float:
    """Of all rounds together."""
    return _of(sorted(x for each in rounds for x in each), q) / 1e3


if __name__ == "__main__":
    main()
