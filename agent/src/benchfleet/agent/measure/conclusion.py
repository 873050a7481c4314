"""From what was seen to what is said: evidence, metrics, flags, provenance, and the raw series as one blob."""

from __future__ import annotations

import platform
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchfleet.agent.measure import pacing, raw_telemetry, series, verdict
from benchfleet.agent.measure.battery import battery_wh
from benchfleet.agent.measure.telemetry import Telemetry
from benchfleet.agent.measure.track import Track
from benchfleet.core import evidence as ev
from benchfleet.core import scenario, statistics
from benchfleet.core.clock import Clock
from benchfleet.core.inventory import Inventory
from benchfleet.core.metric import compute_all
from benchfleet.core.results import Failure, Result, verdict_of
from benchfleet.core.runspec import RunSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What the result of one cell is drawn from, when its block has ended. `block` names it and its cells."""

    spec: RunSpec
    workspace: Path
    inventory: Inventory
    clock: Clock
    telemetry: Telemetry | None
    host: dict[str, Any]
    model: Track
    baseline: Track | None
    reference: Track | None
    reference_baseline_ns: float | None
    block: dict[str, Any]
    span_ns: tuple[int, int]
    power: dict[str, Any]

    @property
    def tracks(self) -> dict[str, Track]:
        """The lanes by what they are to this cell; one that failed is left out."""
        lanes = {"model": self.model, "baseline": self.baseline, "reference": self.reference}
        return {name: track for name, track in lanes.items() if track is not None and track.fault is None}


def failed(seen: Seen, started_utc: str, failure: Failure | None) -> Result:
    """The result of an attempt that gave no numbers; no failure means that it was stopped."""
    return Result(
        outcome="failed" if failure else "stopped",
        verdict="invalid",
        cell=seen.spec.to_json(),
        provenance=_provenance(seen, started_utc),
        failure=failure or Failure(reason="stopped", phase="measure", detail="the attempt was stopped"),
    )


def measured(seen: Seen, started_utc: str) -> tuple[Result, Path | None]:
    """The result with its numbers, and the blob of raw series; takes seconds for a million samples.

    A blob that cannot be written is None: what was measured is worth more than its raw series.
    """
    evidence = _evidence(seen)
    kept, left_out = raw_telemetry.fitting(evidence.telemetry)
    metrics = compute_all(evidence)
    flags = verdict.reasons(evidence, metrics, pacing.plan_of(seen.spec), seen.host)
    result = Result(
        outcome="ok",
        verdict=verdict_of(flags),
        reasons=flags,
        metrics=metrics,
        provenance=_provenance(seen, started_utc),
        cell=seen.spec.to_json(),
    )
    try:
        seen.workspace.mkdir(parents=True, exist_ok=True)
        return result, series.pack(
            seen.workspace / "series.zip",
            {f"{name}/{of}": bytes(held) for name, track in seen.tracks.items() for of, held in track.series.items()},
            {
                name: [(r.launch, r.index, len(r.wall_ns), r.start_ns, r.end_ns) for r in track.rounds]
                for name, track in seen.tracks.items()
            },
            raw_telemetry.files(kept),
            telemetry=raw_telemetry.described(kept),
            telemetry_left_out=left_out,
            round_samples=[r.samples for r in seen.model.rounds],
            batch=evidence.batch,
            idle_span_ns=evidence.idle_span_ns,
            idle_after_span_ns=evidence.idle_after_span_ns,
            battery_wh=evidence.battery_wh,
        )
    except OSError as error:
        return without_series(result, f"it could not be written ({error.strerror})"), None


def without_series(result: Result, why: str) -> Result:
    """The same result, whose provenance says why there are no raw series with it."""
    return replace(result, provenance={**result.provenance, "series_not_kept": why})


def _evidence(seen: Seen) -> ev.Evidence:
    lanes = {
        name: ev.Lane(rounds=tuple(t.rounds), launches=tuple(t.launches), outputs=t.outputs, operators=t.operators)
        for name, t in seen.tracks.items()
    }
    idle, after = seen.host.get("idle_span_ns"), seen.host.get("idle_after_span_ns")
    heard_ns = (
        min(seen.span_ns[0], idle[0]) if idle else seen.span_ns[0],
        max(seen.span_ns[1], after[1]) if after else seen.span_ns[1],
    )
    watched = seen.model if seen.model.monitor_pairs_ns or seen.reference is None else seen.reference
    lost = seen.baseline.fault if seen.baseline is not None else None
    return ev.Evidence(
        model=lanes["model"],
        baseline=lanes.get("baseline"),
        baseline_fault="" if lost is None or seen.baseline is None else f"{seen.baseline.model.name}: {lost}",
        reference=lanes.get("reference"),
        reference_baseline_ns=seen.reference_baseline_ns,
        batch=seen.spec.batch,
        threads=seen.spec.threads,
        scenario=seen.spec.scenario,
        scenario_params=scenario.complete(seen.spec.scenario, seen.spec.scenario_params),
        model_size_bytes=seen.spec.model.artifact.size_bytes,
        counts=seen.spec.model.counts,
        shapes=seen.spec.shapes,
        telemetry=seen.telemetry.series(*heard_ns) if seen.telemetry else (),
        idle_span_ns=(idle[0], idle[1]) if idle else None,
        idle_after_span_ns=(after[0], after[1]) if after else None,
        battery_wh=battery_wh(seen.inventory.labels),
        monitor_pairs_ns=tuple(watched.monitor_pairs_ns),
        monitor_of="model" if watched is seen.model else "reference work",
        sampler_cpu_ratio=seen.telemetry.cpu_ratio(*seen.span_ns) if seen.telemetry else None,
        sampler_late_ratio=seen.telemetry.late_ratio(*seen.span_ns) if seen.telemetry else None,
    )


_MEASURED = (
    "memory",
    "memory_end",
    "harness_overhead_us",
    "build_ms",
    "engine_latency",
    "engine_share",
    "engine_calls",
    "device_memory_",
)
"""Beginnings of facts that are numbers of one launch, not conditions of all."""


def _conditions(facts: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in facts.items() if not name.startswith(_MEASURED)}


def _provenance(seen: Seen, started_utc: str) -> dict[str, Any]:
    track, inventory = seen.model, seen.inventory
    pooled = sorted(x for r in track.rounds for x in r.wall_ns)
    return {
        "started_utc": started_utc,
        "ended_utc": seen.clock.utc().isoformat(),
        "agent_version": inventory.agent_version,
        "device": {
            "board": inventory.board,
            "cpu_model": inventory.cpu_model,
            "cpu_count": inventory.cpu_count,
            "memory_bytes": inventory.memory_bytes,
            "os": inventory.os,
            "kernel": inventory.kernel or platform.release(),
            "arch": inventory.arch,
        },
        "host": seen.host,
        **seen.power,
        **({"simulated_board": inventory.board} if inventory.simulated else {}),
        "simulated": inventory.simulated or bool(track.launches and track.launches[0].facts.get("simulated")),
        "sensors": [series.sensor for series in seen.telemetry.series(0, 0)] if seen.telemetry else [],
        "simulated_sensors": seen.telemetry.simulated() if seen.telemetry else [],
        "runtime": _conditions(track.launches[0].facts) if track.launches else {},
        "memory": [{k: x.facts[k] for k in ("memory", "memory_end") if k in x.facts} for x in track.launches],
        "operators": track.operators,
        "feed": track.feed_steps,
        "profile": seen.spec.profile,
        "scenario": pacing.described(seen.spec),
        "block": seen.block,
        "rounds": {
            name: [[r.launch, r.index, float(statistics.quantile(sorted(r.wall_ns), 0.5))] for r in t.rounds]
            for name, t in seen.tracks.items()
        },
        **pacing.curve(seen.spec, track.rounds),
        "latency_ms_quantiles": [q * 1e-6 for q in statistics.quantile_curve(pooled)] if pooled else [],
    }
