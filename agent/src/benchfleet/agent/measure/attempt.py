"""One attempt, from files to a result: launches of one runner per model, their rounds interleaved in seeded order."""

from __future__ import annotations

import asyncio
import contextlib
import math
import platform
import random
import time
from array import array
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchfleet.agent.measure import host, series, verdict
from benchfleet.agent.measure.lane import Lane, LaneFault
from benchfleet.agent.measure.profiles import Profile, profile
from benchfleet.agent.measure.telemetry import Telemetry
from benchfleet.core import evidence as ev
from benchfleet.core import statistics
from benchfleet.core.clock import Clock
from benchfleet.core.inventory import Inventory
from benchfleet.core.metric import compute_all
from benchfleet.core.results import Failure, Result, verdict_of
from benchfleet.core.runspec import ModelRef, RunSpec

LOAD_S, WARM_S, ROUND_S, CHECK_S = 120.0, 60.0, 60.0, 120.0
"""How long each phase may take before the runner is stopped; the attempt's own timeout may be shorter."""

Progress = Callable[[str, float, str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """Where the bytes of the spec's artifacts lie."""

    model: Path
    baseline: Path | None = None
    dataset: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A result and the raw series behind it (a zip; None when nothing was timed)."""

    result: Result
    series: Path | None


class _Stopped(Exception):  # noqa: N818
    """The attempt was cancelled or fenced."""


@dataclass(slots=True)
class _Track:
    """What has been collected of one lane."""

    name: str
    model: ModelRef
    path: Path
    launches: list[ev.Launch] = field(default_factory=list)
    rounds: list[ev.Round] = field(default_factory=list)
    outputs: ev.OutputCheck | None = None
    feed_steps: list[str] = field(default_factory=list)
    series: list[Path] = field(default_factory=list)


async def measure(
    spec: RunSpec,
    files: Files,
    *,
    workspace: Path,
    inventory: Inventory,
    clock: Clock,
    telemetry: Telemetry | None = None,
    on_progress: Progress = lambda phase, fraction, note: None,
    stop: asyncio.Event | None = None,
    lease_deadline_s: Callable[[], float] = lambda: math.inf,
) -> Measured:
    """Measures; whatever a model or a runner does is in the result, and never raised."""
    attempt = _Attempt(spec, files, workspace, inventory, clock, telemetry, on_progress, stop or asyncio.Event())
    attempt.lease_deadline_s = lease_deadline_s
    return await attempt.run()


class _Attempt:
    def __init__(
        self,
        spec: RunSpec,
        files: Files,
        workspace: Path,
        inventory: Inventory,
        clock: Clock,
        telemetry: Telemetry | None,
        on_progress: Progress,
        stop: asyncio.Event,
    ) -> None:
        self.spec, self.files, self.workspace, self.inventory = spec, files, workspace, inventory
        self.clock, self.telemetry, self.progress, self.stop = clock, telemetry, on_progress, stop
        self.lease_deadline_s: Callable[[], float] = lambda: math.inf
        self.deadline_s = clock.boottime_s() + spec.timeout_s
        self.host: dict[str, Any] = {}
        self.tracks = [_Track("model", spec.model, files.model)]
        if spec.baseline is not None and files.baseline is not None:
            self.tracks.append(_Track("baseline", spec.baseline, files.baseline))
        self.order = random.Random(spec.seed)
        self.lanes: list[Lane] = []
        self.span_ns = (time.monotonic_ns(), time.monotonic_ns())

    async def run(self) -> Measured:
        """All phases; the runners are gone when it returns."""
        started_utc = self.clock.utc().isoformat()
        failure: Failure | None = None
        outcome = "ok"
        watcher = asyncio.create_task(self._watch())
        try:
            plan = profile(self.spec.profile)
            self.progress("settling", 0.02, "waiting for a turn on this host")
            async with host.turn(self.stop):
                self._check_stopped()
                self.host = host.preflight()
                await self._launches(plan)
        except _Stopped:
            outcome = "stopped"
        except LaneFault as fault:
            if self.stop.is_set():
                outcome = "stopped"
            else:
                outcome = "failed"
                tail = next((lane.stderr_tail for lane in self.lanes if lane.stderr_tail), "")
                failure = Failure(reason=fault.reason, phase=fault.phase, detail=fault.detail, stderr_tail=tail)
        finally:
            watcher.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watcher
            await asyncio.gather(*(lane.kill() for lane in self.lanes))
        return self._conclude(outcome, failure, started_utc)

    async def _watch(self) -> None:
        """Kills the runners as soon as the attempt is stopped: a call that never returns must not hold it up."""
        await self.stop.wait()
        await asyncio.gather(*(lane.kill() for lane in self.lanes))

    def _check_stopped(self) -> None:
        if self.stop.is_set():
            raise _Stopped
        now_s = self.clock.boottime_s()
        if now_s >= self.lease_deadline_s():
            raise LaneFault("deadline", "measure", "the lease ran out without an answer from the controller")
        if now_s >= self.deadline_s:
            raise LaneFault("timeout", "measure", f"the attempt took longer than {self.spec.timeout_s:.0f} s")

    def _within_s(self, limit_s: float) -> float:
        left_s = min(self.deadline_s, self.lease_deadline_s()) - self.clock.boottime_s()
        return max(0.05, min(limit_s, left_s))

    async def _launches(self, plan: Profile) -> None:
        steal = host.steal_ticks()
        start_ns = time.monotonic_ns()
        for launch in range(plan.launches):
            share = launch / plan.launches
            self.lanes = [self._lane(track, launch) for track in self.tracks]
            for lane, track in zip(self.lanes, self.tracks, strict=True):
                await self._load(lane, track, plan, share)
            await self._rounds(launch, plan, share)
            self.progress("measuring", min(0.99, share + 0.9 / plan.launches), "checking outputs")
            for lane, track in zip(self.lanes, self.tracks, strict=True):
                await self._check(lane, track)
                await lane.stop()
        self.span_ns = (start_ns, time.monotonic_ns())
        after = host.steal_ticks()
        if steal and after and after[1] > steal[1]:
            self.host["steal_ratio"] = (after[0] - steal[0]) / (after[1] - steal[1])

    def _lane(self, track: _Track, launch: int) -> Lane:
        spec = self.spec
        lane = Lane(
            track.name,
            {
                "model": str(track.path.absolute()),
                "runtime": spec.runtime,
                "scenario": spec.scenario,
                "threads": spec.threads,
                "batch": spec.batch,
                "seed": spec.seed,
                "shapes": {name: list(sizes) for name, sizes in spec.shapes.items()},
                "runtime_options": spec.runtime_options,
                "dataset": str(self.files.dataset.absolute()) if self.files.dataset else None,
            },
            self.workspace / track.name / str(launch),
        )
        track.series.append(lane.series)
        return lane

    async def _load(self, lane: Lane, track: _Track, plan: Profile, share: float) -> None:
        self._check_stopped()
        self.progress("warming", share, f"loading {track.model.name}")
        await lane.start(self._within_s(LOAD_S))
        loaded = await lane.command("load", self._within_s(LOAD_S))
        self.progress("warming", share + 0.05 / plan.launches, f"warming {track.model.name}")
        warm = await lane.command(
            "warm",
            self._within_s(WARM_S),
            span_s=plan.warm_span_s,
            window_s=plan.warm_window_s,
            cap_s=plan.warm_cap_s,
        )
        track.feed_steps = loaded["feed_steps"]
        track.launches.append(
            ev.Launch(
                load_ns=loaded["load_ns"],
                first_inference_ns=loaded["first_inference_ns"],
                warmup_converged=warm["converged"],
                memory_base_bytes=loaded["memory_base_bytes"],
                memory_loaded_bytes=loaded["memory_loaded_bytes"],
                memory_peak_bytes=None,
                facts=loaded["facts"],
            )
        )

    async def _rounds(self, launch: int, plan: Profile, share: float) -> None:
        index = 0
        while index < plan.rounds_max:
            order = list(range(len(self.lanes)))
            self.order.shuffle(order)
            for i in order:
                self._check_stopped()
                done = await self.lanes[i].command(
                    "round", self._within_s(ROUND_S), calls_min=plan.round_calls_min, span_s=plan.round_span_s
                )
                self.tracks[i].rounds.append(
                    ev.Round(
                        launch=launch,
                        index=index,
                        start_ns=done["start_ns"],
                        end_ns=done["end_ns"],
                        wall_ns=_last(self.lanes[i].series, done["calls"]),
                        cpu_ns=done["cpu_ns"],
                        runq_wait_ns=done["runq_wait_ns"],
                    )
                )
            index += 1
            self.progress("measuring", share + (0.1 + 0.8 * index / plan.rounds_max) / plan.launches, f"round {index}")
            if index >= plan.rounds_min and index % plan.rounds_step == 0 and self._precise(launch, plan):
                return

    def _precise(self, launch: int, plan: Profile) -> bool:
        """Whether every lane's median is known as well as the profile asks."""
        for track in self.tracks:
            rounds = [r.wall_ns for r in track.rounds if r.launch == launch]
            half = statistics.relative_half_width(statistics.median_of_rounds(rounds))
            if half is None or half > plan.half_width:
                return False
        return True

    async def _check(self, lane: Lane, track: _Track) -> None:
        self._check_stopped()
        found = await lane.command("check", self._within_s(CHECK_S))
        peak = found.pop("memory_peak_bytes")
        found.pop("event")
        first = tuple(math.nan if v is None else v for v in found.pop("first_outputs"))
        predictions = tuple(found.pop("predictions"))
        track.outputs = ev.OutputCheck(first_outputs=first, predictions=predictions, **found)
        done = track.launches[-1]
        track.launches[-1] = ev.Launch(
            load_ns=done.load_ns,
            first_inference_ns=done.first_inference_ns,
            warmup_converged=done.warmup_converged,
            memory_base_bytes=done.memory_base_bytes,
            memory_loaded_bytes=done.memory_loaded_bytes,
            memory_peak_bytes=peak,
            facts=done.facts,
        )

    def _evidence(self) -> ev.Evidence:
        lanes = [ev.Lane(rounds=tuple(t.rounds), launches=tuple(t.launches), outputs=t.outputs) for t in self.tracks]
        return ev.Evidence(
            model=lanes[0],
            baseline=lanes[1] if len(lanes) > 1 else None,
            batch=self.spec.batch,
            model_size_bytes=self.spec.model.artifact.size_bytes,
            telemetry=self.telemetry.series(*self.span_ns) if self.telemetry else (),
            sampler_cpu_ratio=self.telemetry.cpu_ratio(*self.span_ns) if self.telemetry else None,
        )

    def _conclude(self, outcome: str, failure: Failure | None, started_utc: str) -> Measured:
        cell = self.spec.to_json()
        provenance = self._provenance(started_utc)
        if outcome != "ok":
            result = Result(
                outcome="failed" if outcome == "failed" else "stopped",
                verdict="invalid",
                reasons=(),
                cell=cell,
                provenance=provenance,
                failure=failure or Failure(reason="stopped", phase="measure", detail="the attempt was stopped"),
            )
            return Measured(result=result, series=None)
        evidence = self._evidence()
        metrics = compute_all(evidence)
        flags = verdict.reasons(evidence, metrics, profile(self.spec.profile), self.host)
        result = Result(
            outcome="ok",
            verdict=verdict_of(flags),
            reasons=flags,
            metrics=metrics,
            provenance=provenance,
            cell=cell,
        )
        return Measured(result=result, series=self._pack())

    def _pack(self) -> Path:
        return series.pack(
            self.workspace / "series.zip",
            {f"{t.name}/{i}": path for t in self.tracks for i, path in enumerate(t.series)},
            {
                t.name: [(r.launch, r.index, len(r.wall_ns), r.start_ns, r.end_ns) for r in t.rounds]
                for t in self.tracks
            },
        )

    def _provenance(self, started_utc: str) -> dict[str, Any]:
        track = self.tracks[0]
        pooled = sorted(x for r in track.rounds for x in r.wall_ns)
        return {
            "started_utc": started_utc,
            "ended_utc": self.clock.utc().isoformat(),
            "agent_version": self.inventory.agent_version,
            "device": {
                "board": self.inventory.board,
                "cpu_model": self.inventory.cpu_model,
                "cpu_count": self.inventory.cpu_count,
                "memory_bytes": self.inventory.memory_bytes,
                "os": self.inventory.os,
                "kernel": self.inventory.kernel or platform.release(),
                "arch": self.inventory.arch,
            },
            "host": self.host,
            "simulated": bool(track.launches and track.launches[0].facts.get("simulated")),
            "runtime": track.launches[0].facts if track.launches else {},
            "feed": track.feed_steps,
            "profile": self.spec.profile,
            "rounds": {
                t.name: [[r.launch, r.index, float(statistics.quantile(sorted(r.wall_ns), 0.5))] for r in t.rounds]
                for t in self.tracks
            },
            "latency_ms_quantiles": [q * 1e-6 for q in statistics.quantile_curve(pooled)] if pooled else [],
        }


def _last(path: Path, calls: int) -> tuple[int, ...]:
    """The raw nanoseconds of the round just written."""
    with path.open("rb") as file:
        file.seek(-8 * calls, 2)
        held = array("q")
        held.frombytes(file.read())
    return tuple(held)
