"""Validity flags: what makes a number degraded or invalid, and what the user can do about it (MEASURING C6)."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median
from typing import Any

from benchfleet.agent.measure.profiles import Profile
from benchfleet.core import statistics
from benchfleet.core.evidence import Evidence, Lane
from benchfleet.core.results import Reason, Value

RUNQ_DEGRADED, RUNQ_INVALID = 0.02, 0.10
PRESSURE_AVG10 = 5.0
STEAL_RATIO = 0.01
SPREAD_Q90_Q10 = 1.2
LAUNCH_SPREAD = 0.05
TAIL_RATIO = 2.0
SHORT_MS = 0.5
OVERHEAD_SHARE = 0.01
SAMPLES_FEW = 368
"""Below, a p99 has no finite interval and is not printed."""
DRIFT_C = 5.0
SAMPLER_CPU = 0.005
SAMPLER_LATE = 0.05
GOOD_CLOCKS = ("tsc", "arch_sys_counter")


def reasons(
    evidence: Evidence, metrics: dict[str, Value], profile: Profile, host: dict[str, Any]
) -> tuple[Reason, ...]:
    """Every flag that applies, worst first."""
    found = [
        *_outputs(evidence),
        *_load(metrics, host),
        *_rounds(evidence, profile),
        *_launches(evidence.model, metrics, profile),
        *_small(metrics, host),
    ]
    return tuple(sorted(found, key=lambda r: r.severity != "invalid"))


def _degraded(flag: str, detail: str) -> Reason:
    return Reason(flag=flag, severity="degraded", detail=detail)


def _invalid(flag: str, detail: str) -> Reason:
    return Reason(flag=flag, severity="invalid", detail=detail)


def _number(metrics: dict[str, Value], name: str) -> float | None:
    value = metrics.get(name)
    return None if value is None else value.value


def _outputs(evidence: Evidence) -> Iterator[Reason]:
    outputs = evidence.model.outputs
    if outputs is None:
        yield _invalid("outputs_unchecked", "the outputs were never read: nothing says that the model works")
        return
    if outputs.nan_count or outputs.inf_count:
        yield _invalid(
            "nan_inf",
            f"outputs hold {outputs.nan_count} NaN and {outputs.inf_count} infinities: check weights and inputs",
        )
    if not outputs.stable:
        yield _degraded("output_unstable", "the same input gave different outputs: the model is not deterministic here")
    if any(launch.facts.get("simulated") for launch in evidence.model.launches):
        yield _degraded("simulated", "the null runtime ran no model: these numbers measure the harness alone")


def _load(metrics: dict[str, Value], host: dict[str, Any]) -> Iterator[Reason]:
    runq = _number(metrics, "runq_share")
    if runq is not None and runq > RUNQ_DEGRADED:
        detail = f"the model waited {runq:.1%} of the time for a CPU: stop other work on the device and run again"
        free = _number(metrics, "contention_free_ms_p50")
        if free is not None:
            detail += f" (without the waiting the median is {free:.3g} ms)"
        yield (_invalid if runq > RUNQ_INVALID else _degraded)("background_load", detail)
    elif host.get("cpu_pressure_avg10", 0.0) > PRESSURE_AVG10:
        yield _degraded("background_load", f"CPU pressure was {host['cpu_pressure_avg10']:.0f} % at the start")
    if host.get("turn_taken") is False:
        yield _degraded(
            "turn_not_taken",
            "the lock file of this host cannot be used: another agent may have measured at the same time",
        )
    if host.get("steal_ratio", 0.0) > STEAL_RATIO:
        yield _degraded("steal", f"the hypervisor took {host['steal_ratio']:.1%} of CPU time: use a quieter host")
    p50, p99 = _number(metrics, "latency_ms_p50"), _number(metrics, "latency_ms_p99")
    if p50 and p99 and p99 / p50 > TAIL_RATIO and (runq or 0.0) > RUNQ_DEGRADED:
        yield _degraded("noisy_tail", "the tail is the scheduler's, not the model's: p99 is over twice p50 under load")


def _rounds(evidence: Evidence, profile: Profile) -> Iterator[Reason]:
    rounds = [r.wall_ns for r in evidence.model.rounds]
    if not rounds:
        yield _invalid("too_few_samples", "no round was measured")
        return
    count = sum(len(r) for r in rounds)
    if count < SAMPLES_FEW:
        yield _degraded(
            "too_few_samples", f"{count} calls give no p99, which needs {SAMPLES_FEW}: use a longer profile"
        )
    medians = sorted(float(median(r)) for r in rounds)
    spread = statistics.quantile(medians, 0.9) / statistics.quantile(medians, 0.1)
    if spread > SPREAD_Q90_Q10:
        yield _degraded(
            "unstable", f"round medians spread by x{spread:.2f}: the host changed speed; run again or longer"
        )
    half = statistics.relative_half_width(statistics.median_of_rounds(rounds))
    if half is None or half > profile.half_width:
        got = "unknown" if half is None else f"±{half:.1%}"
        yield _degraded("ci_target_not_met", f"interval of the median is {got}, the target ±{profile.half_width:.0%}")


def _launches(lane: Lane, metrics: dict[str, Value], profile: Profile) -> Iterator[Reason]:
    if any(not launch.warmup_converged for launch in lane.launches):
        yield _degraded("warmup_not_converged", "latency was still moving when warm-up was cut: use a longer profile")
    if profile.launches == 1:
        yield _degraded("single_launch", "one process launch: 1 in 10 is off by over 5 %; use the standard profile")
        return
    spread = _number(metrics, "launch_spread_ratio")
    if spread is not None and spread > LAUNCH_SPREAD:
        yield _degraded("launch_spread", f"launches differ by {spread:.1%}: more launches (profile gate) average it")


def _small(metrics: dict[str, Value], host: dict[str, Any]) -> Iterator[Reason]:
    p50 = _number(metrics, "latency_ms_p50")
    overhead = _number(metrics, "harness_overhead_us")
    if p50 is not None and p50 < SHORT_MS and (overhead is None or overhead / 1e3 > OVERHEAD_SHARE * p50):
        cost = "costs an unknown share of it" if overhead is None else f"alone takes {overhead:.1f} us"
        yield _degraded(
            "overhead_significant",
            f"p50 is {p50:.3f} ms and calling the runtime {cost}: compare such short models by ratio, not by value",
        )
    clock = host.get("clocksource")
    if clock is not None and clock not in GOOD_CLOCKS and not str(clock).startswith("kvm"):
        yield _degraded("clock_suspect", f"clocksource is {clock}: durations may be coarse")
    start, end = _number(metrics, "temperature_c_start"), _number(metrics, "temperature_c_end")
    if start is not None and end is not None and abs(end - start) > DRIFT_C:
        yield _degraded("thermal_drift", f"temperature moved from {start:.0f} to {end:.0f} degC while measuring")
    sampler = _number(metrics, "sampler_cpu_ratio")
    if sampler is not None and sampler > SAMPLER_CPU:
        yield _degraded("sampler_overrun", f"sampling took {sampler:.1%} of a CPU")
    late = _number(metrics, "sampler_late_ratio")
    if late is not None and late > SAMPLER_LATE:
        yield _degraded(
            "sampler_overrun", f"{late:.0%} of sensor samples came over a period late: peaks between them went unseen"
        )
