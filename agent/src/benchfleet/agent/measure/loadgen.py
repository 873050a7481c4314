"""A test driven by MLCommons LoadGen: our runner holds the model, LoadGen the clock, and its logs are the result."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchfleet.agent import probe
from benchfleet.agent.measure import mllog, pacing
from benchfleet.agent.measure.lane import Lane, LaneFault
from benchfleet.core import scenario
from benchfleet.core.runspec import RunSpec

START_S, LOAD_S, WARM_S, EXTRA_S = 120.0, 120.0, 60.0, 600.0
ACCURACY_S = 7200.0
"""Each sample once, however many there are."""
QUERIES_MIN = 100
"""LoadGen's own default."""
SHOWN = (
    "loadgen_version", "effective_scenario", "effective_min_duration_ms", "result_validity", "early_stopping_met",
    "result_query_count", "result_qps_without_loadgen_overhead", "result_samples_per_second",
    "result_completed_samples_per_sec", "early_stopping_latency_ss", "early_stopping_latency_ms",
    "result_mean_latency_ns", "result_50.00_percentile_latency_ns", "result_90.00_percentile_latency_ns",
    "result_99.00_percentile_latency_ns", "num_errors",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Driven:
    """What LoadGen's detail log says; `why_not` when the runner has no LoadGen, a fault when the model failed."""

    told: dict[str, Any]
    why_not: str = ""


async def drive(
    spec: RunSpec, model: Path, dataset: Path | None, *, logs: Path, scratch: Path, duration_s: float
) -> Driven:
    """Loads, warms, and hands the model to LoadGen; LaneFault when the model or its runtime fails.

    A data set has a test in accuracy mode before, whose logs are in the folder `accuracy`. Each test has a process of
    its own: in a second one of the same process LoadGen finds no seeds and notes an error.
    """
    scored: dict[str, Any] = {}
    try:
        if dataset is not None:
            told = {"folder": str((logs / "accuracy").absolute()), "asked": _asked(spec, 1.0), "accuracy": True}
            scored = await _test(spec, model, dataset, scratch / "accuracy", ACCURACY_S, told)
        told = {"folder": str(logs.absolute()), "asked": _asked(spec, duration_s)}
        await _test(spec, model, None, scratch / "performance", duration_s + EXTRA_S, told)
    except LaneFault as fault:
        if fault.phase == "loadgen" and fault.reason == "unsupported_option":
            return Driven(told={}, why_not=fault.detail)
        raise
    read = mllog.read(logs / mllog.DETAIL)
    found = {key: read[key] for key in SHOWN if key in read}
    if scored:
        found["accuracy_top1"], found["accuracy_samples"] = scored["good"] / scored["samples"], scored["samples"]
    return Driven(told=found)


async def _test(
    spec: RunSpec, model: Path, dataset: Path | None, scratch: Path, timeout_s: float, told: dict[str, Any]
) -> dict[str, Any]:
    """One test of LoadGen in a process of its own; what the runner says of it."""
    interpreter, runtime_file = probe.started_by(spec.runtime)
    lane = Lane(
        "model",
        {
            "model": str(model.absolute()),
            "runtime": spec.runtime,
            "runtime_file": runtime_file,
            **pacing.told(spec),
            "threads": spec.threads,
            "batch": spec.batch,
            "seed": spec.seed,
            "shapes": {name: list(sizes) for name, sizes in spec.shapes.items()},
            "runtime_options": spec.runtime_options,
            "dataset": str(dataset.absolute()) if dataset is not None else None,
        },
        scratch,
        interpreter,
    )
    plan = pacing.plan_of(spec)
    try:
        await lane.start(START_S)
        await lane.command("load", LOAD_S, LOAD_S)
        await lane.command(
            "warm", WARM_S, LOAD_S, span_s=plan.warm_span_s, window_s=plan.warm_window_s, cap_s=plan.warm_cap_s
        )
        found = await lane.command("loadgen", timeout_s, LOAD_S, **told)
        await lane.stop()
    finally:
        await lane.kill()
    return found


def _asked(spec: RunSpec, duration_s: float) -> dict[str, Any]:
    params = scenario.complete(spec.scenario, spec.scenario_params)
    bound_s = params.get("latency_bound_s")
    return {
        "duration_ms": int(duration_s * 1000),
        "queries_min": 1 if spec.scenario == "offline" else QUERIES_MIN,
        "target_qps": params.get("qps"),
        "target_latency": None if bound_s is None else bound_s * 1e3,
        **({"samples_per_query": params["samples"]} if "samples" in params else {}),
    }
