"""Power and energy of the measured rounds, by one sensor of the widest scope; different scopes are never summed.

How they are made is in core/energy.py. An inference is one sample, as in throughput: a batch of eight is eight of them.
Gross is all that the scope drew; net is gross less what the same sensor showed while the device was left alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

from benchfleet.core import energy
from benchfleet.core.energy import Energy
from benchfleet.core.evidence import Evidence
from benchfleet.core.metric import Metric
from benchfleet.core.results import Value, missing

_MJ = 1e3
_WH_J = 3600.0


def _seen(evidence: Evidence) -> Energy | str:
    return energy.over(evidence.telemetry, energy.windows(evidence.model.rounds))


def _inferences(evidence: Evidence) -> int:
    each = (len(r.wall_ns) * evidence.batch if r.samples is None else r.samples for r in evidence.model.rounds)
    return sum(each)


def _value(seen: Energy, number: float, half: float | None, method: str | None = None) -> Value:
    """A number of the same sensor; `half` is the half of its interval."""
    return Value(
        value=number,
        ci95=None if half is None else (max(0.0, number - half), number + half),
        n=seen.updates,
        method=method or seen.method,
        source=seen.source,
        scope=seen.series.scope,
    )


def _of_energy(make: Callable[[Energy, Evidence], Value]) -> Callable[[Evidence], Value]:
    def compute(evidence: Evidence) -> Value:
        seen = _seen(evidence)
        if isinstance(seen, str):
            return missing(seen)
        return make(seen, evidence)

    return compute


def _per_inference(make: Callable[[Energy, Evidence], Value]) -> Callable[[Energy, Evidence], Value]:
    """The same for figures of one sample, which a scenario without samples does not have."""

    def checked(seen: Energy, evidence: Evidence) -> Value:
        if not _inferences(evidence):
            return missing(f"{evidence.scenario} is not a stream of samples")
        return make(seen, evidence)

    return checked


def _relative(seen: Energy, number: float) -> Value:
    return _value(seen, number, None if seen.half_width is None else number * seen.half_width)


def _mean(seen: Energy, evidence: Evidence) -> Value:
    return _relative(seen, seen.mean_w)


def _peak(seen: Energy, evidence: Evidence) -> Value:
    return _value(seen, seen.peak_w, None, f"highest of what was read inside the rounds; {seen.series.sensor}")


def _coverage(seen: Energy, evidence: Evidence) -> Value:
    return _value(seen, seen.coverage, None, "readings not older than two periods; time of the rounds")


def _gross(seen: Energy, evidence: Evidence) -> Value:
    return _relative(seen, seen.energy_j * _MJ / _inferences(evidence))


def _busy(evidence: Evidence) -> tuple[int, int]:
    rounds = evidence.model.rounds
    return min(r.start_ns for r in rounds), max(r.end_ns for r in rounds)


def _idle_before(seen: Energy, evidence: Evidence) -> tuple[float, float, int] | str:
    return energy.idle_w(seen.series, evidence.idle_span_ns, _busy(evidence))


def _idle_after(seen: Energy, evidence: Evidence) -> tuple[float, float, int] | str:
    if evidence.idle_after_span_ns is None:
        return "idle power was not sampled after the rounds"
    return energy.idle_w(seen.series, evidence.idle_after_span_ns, _busy(evidence))


def _idle(pick: Callable[[Energy, Evidence], tuple[float, float, int] | str], when: str) -> Callable[..., Value]:
    def make(seen: Energy, evidence: Evidence) -> Value:
        idle = pick(seen, evidence)
        if isinstance(idle, str):
            return missing(idle)
        accuracy = seen.series.accuracy
        half = None if accuracy is None else math.hypot(accuracy * idle[0], 1.96 * idle[1])
        found = _value(seen, idle[0], half, f"mean {when} the rounds; {seen.series.formula or seen.series.sensor}")
        return replace(found, n=idle[2])

    return make


def _net(seen: Energy, evidence: Evidence) -> Value:
    """The baseline is the mean of both idle spans; what they differ by is part of the interval."""
    before, after = _idle_before(seen, evidence), _idle_after(seen, evidence)
    if isinstance(before, str):
        return missing(before)
    idle_w, error_w, when = before[0], 1.96 * before[1], "before"
    if not isinstance(after, str):
        idle_w = (before[0] + after[0]) / 2
        error_w = math.hypot(1.96 * math.hypot(before[1], after[1]) / 2, (after[0] - before[0]) / 2)
        when = "before and after"
    count = _inferences(evidence)
    net_mj = (seen.energy_j - idle_w * seen.span_s) * _MJ / count
    found = _value(seen, net_mj, None, f"gross - idle power ({when}) x time; {seen.method}")
    if seen.half_width is None:
        return found
    half = math.hypot(seen.half_width * seen.energy_j, error_w * seen.span_s) * _MJ / count
    # Net of noise may be below zero, and its interval says so.
    return replace(found, ci95=(net_mj - half, net_mj + half))


def _disagreement(evidence: Evidence) -> Value:
    found = energy.crosschecks(evidence.telemetry, energy.windows(evidence.model.rounds))
    if not found:
        return missing("no second sensor of the same scope")
    worst = max(found, key=lambda name: abs(found[name] - 1))
    return Value(value=abs(found[worst] - 1), n=len(found), method=f"{worst} x {found[worst]:.3g}", source=worst)


def _inverse(seen: Energy, number: float) -> Value:
    """A number that falls as energy rises."""
    half = seen.half_width
    found = _value(seen, number, None)
    if half is None or half >= 1:
        return found
    return replace(found, ci95=(number / (1 + half), number / (1 - half)))


def _per_joule(seen: Energy, evidence: Evidence) -> Value:
    return _inverse(seen, _inferences(evidence) / seen.energy_j)


def _charge_samples(seen: Energy, evidence: Evidence, wh: float) -> float | None:
    return wh * _WH_J * _inferences(evidence) / seen.energy_j or None


def _battery(make: Callable[[Energy, Evidence, float], float | None]) -> Callable[[Evidence], Value]:
    def compute(evidence: Evidence) -> Value:
        if evidence.battery_wh is None:
            return missing("the capacity of the battery was not given (label battery_wh)")
        seen = _seen(evidence)
        if isinstance(seen, str):
            return missing(seen)
        number = make(seen, evidence, evidence.battery_wh)
        if number is None:
            return missing(f"{evidence.scenario} is not a stream of samples")
        found = _inverse(seen, number)
        return replace(found, method=f"{evidence.battery_wh:g} Wh as given / gross energy; {seen.method}")

    return compute


METRICS = (
    Metric(
        name="power_w_mean", unit="W", better="lower", help="mean power while measuring, gross",
        how="energy / time of the rounds, one sensor of the widest scope", compute=_of_energy(_mean),
    ),
    Metric(
        name="power_w_peak", unit="W", better="lower", help="highest power read while measuring",
        how="maximum of the readings inside the rounds", compute=_of_energy(_peak),
    ),
    Metric(
        name="idle_power_w", unit="W", better="lower", help="mean power of the device left alone before the rounds",
        how="same sensor; at least 10 s", compute=_of_energy(_idle(_idle_before, "before")),
    ),
    Metric(
        name="idle_after_power_w", unit="W", better="lower", help="mean power of the device left alone afterwards",
        how="same sensor; at least 10 s", compute=_of_energy(_idle(_idle_after, "after")),
    ),
    Metric(
        name="energy_mj_per_inference", unit="mJ", better="lower", help="energy of one sample, gross",
        how="counter difference, else trapezoid; / samples", compute=_of_energy(_per_inference(_gross)),
    ),
    Metric(
        name="net_energy_mj_per_inference", unit="mJ", better="lower", help="energy of one sample above idle",
        how="(energy - mean idle power x time) / samples", compute=_of_energy(_per_inference(_net)), low=-1e12,
    ),
    Metric(
        name="inferences_per_joule", unit="1/J", better="higher", help="samples for a joule, gross",
        how="samples / energy", compute=_of_energy(_per_inference(_per_joule)),
    ),
    Metric(
        name="energy_coverage_ratio", unit="ratio", better="higher", help="share of the rounds with fresh readings",
        how="readings not older than two periods", compute=_of_energy(_coverage), high=1,
    ),
    Metric(
        name="energy_disagreement_ratio", unit="ratio", better="lower",
        help="how far other sensors of the same scope are off the one that was taken",
        how="largest |other / taken - 1|, same rounds", compute=_disagreement,
    ),
    Metric(
        name="battery_inferences", unit="1", better="higher", help="samples from one charge",
        how="battery_wh / gross energy of a sample",
        compute=_battery(_charge_samples),
    ),
    Metric(
        name="battery_hours", unit="h", better="higher", help="hours of this load from one charge",
        how="battery_wh / mean power", compute=_battery(lambda seen, evidence, wh: wh / seen.mean_w),
    ),
)  # fmt: skip
