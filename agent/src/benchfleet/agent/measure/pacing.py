"""What a scenario changes in a measurement: its profile, what the runner is told, and when heat has settled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from benchfleet.agent.measure.profiles import Profile, profile
from benchfleet.agent.measure.telemetry import Telemetry
from benchfleet.core import scenario
from benchfleet.core.evidence import Round
from benchfleet.core.runspec import RunSpec
from benchfleet.core.samples import SensorSeries, of_the_chip

SETTLE_WINDOW_NS = 60 * 10**9
SETTLE_FROM_NS = 120 * 10**9
"""Before that a flat temperature says that the heat has not come through yet."""
SETTLED_C_PER_MIN = 0.5
READINGS_MIN = 30


def plan_of(spec: RunSpec) -> Profile:
    """The profile of a spec with what its scenario does otherwise."""
    return replace(profile(spec.profile), **scenario.pace(spec.scenario, spec.scenario_params, spec.profile))


def told(spec: RunSpec) -> dict[str, Any]:
    """What a runner needs to know of the scenario."""
    return {
        "scenario": spec.scenario,
        "scenario_file": scenario.path(spec.scenario),
        "scenario_params": scenario.complete(spec.scenario, spec.scenario_params),
    }


def described(spec: RunSpec) -> dict[str, Any]:
    """The scenario as provenance: with the defaults, and what one latency is."""
    return {
        "name": spec.scenario,
        "params": scenario.complete(spec.scenario, spec.scenario_params),
        "sample": str(scenario.module(spec.scenario).SAMPLE),
    }


def curve(spec: RunSpec, rounds: Sequence[Round]) -> dict[str, Any]:
    """When each round of load without a pause began, in seconds from the first: with the medians, its curve."""
    if not rounds or not scenario.is_alone(spec.scenario):
        return {}
    return {"round_starts_s": [(r.start_ns - rounds[0].start_ns) * 1e-9 for r in rounds]}


def settled(plan: Profile, rounds: Sequence[Round], telemetry: Telemetry | None) -> bool:
    """Whether rounds that wait for heat may end: what computes has been level in temperature for a minute of load."""
    if not plan.settled_by_temperature or telemetry is None or not rounds:
        return False
    start_ns, end_ns = rounds[0].start_ns, rounds[-1].end_ns
    if end_ns - start_ns < SETTLE_FROM_NS:
        return False
    seen = telemetry.series(end_ns - SETTLE_WINDOW_NS, end_ns)
    slopes = [slope_per_min(series) for series in of_the_chip(seen)]
    return bool(slopes) and all(slope is not None and abs(slope) < SETTLED_C_PER_MIN for slope in slopes)


def slope_per_min(series: SensorSeries) -> float | None:
    """The least-squares slope of a sensor's readings; None for too few."""
    points = [(t / 60e9, v) for t, v in zip(series.times_ns, series.values, strict=True) if v is not None]
    if len(points) < READINGS_MIN:
        return None
    t_mean = sum(t for t, _ in points) / len(points)
    v_mean = sum(v for _, v in points) / len(points)
    spread = sum((t - t_mean) ** 2 for t, _ in points)
    return sum((t - t_mean) * (v - v_mean) for t, v in points) / spread if spread else None
