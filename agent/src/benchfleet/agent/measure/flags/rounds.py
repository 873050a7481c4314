"""Rounds that are too few, disagree, or leave an interval too wide."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median

from benchfleet.agent.measure.flags import Seen, degraded, invalid
from benchfleet.core import statistics
from benchfleet.core.evidence import Round
from benchfleet.core.results import Reason

SPREAD_Q90_Q10 = 1.2


def find(seen: Seen) -> Iterator[Reason]:
    """too_few_samples, unstable, ci_target_not_met."""
    rounds = [r for r in seen.evidence.model.rounds if r.wall_ns]
    if not rounds:
        yield invalid("too_few_samples", "no round was measured: use a longer profile or timeout")
        return
    yield from _widths(seen)
    if seen.evidence.model.launch_is_sample:
        return  # one latency a launch: no percentile is asked of a handful, and they are no rounds of one process
    yield from _count(seen, sum(len(r.wall_ns) for r in rounds))
    medians = sorted(_corrected_median(r, seen.evidence.threads) for r in rounds)
    slow, fast = statistics.quantile(medians, 0.9), statistics.quantile(medians, 0.1)
    if slow > SPREAD_Q90_Q10 * fast:
        yield degraded(
            "unstable",
            f"round medians spread by x{slow / fast if fast else float('inf'):.2f}: the host changed speed; "
            "fix its governor and clocks, or run again or longer",
        )


def _count(seen: Seen, count: int) -> Iterator[Reason]:
    needed, worth = statistics.sample_floor(0.99), seen.number("independent_calls_p99")
    if count < needed:
        yield degraded("too_few_samples", f"{count} calls give no p99, which needs {needed}: use a longer profile")
    elif worth is not None and worth < needed:
        yield degraded(
            "too_few_samples",
            f"for p99 the {count} calls are worth {worth:.0f} independent ones and {needed} are needed: "
            "its upper bound is low; use a longer profile",
        )


def _corrected_median(r: Round, threads: int) -> float:
    """Without the waiting for a CPU where it is known by call, nor for other arrivals: load has its own flags."""
    if "service_ns" in r.extra:
        return float(median(r.extra["service_ns"]))
    if threads == 1 and len(r.runq_waits_ns) == len(r.wall_ns):
        return float(median(max(0, w - q) for w, q in zip(r.wall_ns, r.runq_waits_ns, strict=True)))
    return float(median(r.wall_ns))


def _half(seen: Seen, name: str) -> float | None:
    """Half of the interval that is printed over its value."""
    value = seen.metrics.get(name)
    if value is None or value.ci95 is None or not value.value:
        return None
    return (value.ci95[1] - value.ci95[0]) / 2 / value.value


def _widths(seen: Seen) -> Iterator[Reason]:
    wide = []
    half, target = _half(seen, "latency_ms_p50"), seen.profile.half_width
    if half is None or half > target:
        wide.append(
            f"the median's interval is {'unknown' if half is None else f'±{half:.1%}'}, the target ±{target:.0%}"
        )
    tail_target = seen.profile.tail_half_width
    if tail_target is not None:
        half = _half(seen, "latency_ms_p99")
        if half is None or half > tail_target:
            got = "unknown" if half is None else f"±{half:.1%}"
            wide.append(f"that of p99 is {got}, the target ±{tail_target:.0%}")
    if wide:
        yield degraded("ci_target_not_met", f"{' and '.join(wide)}: use a longer profile or a quieter device")
