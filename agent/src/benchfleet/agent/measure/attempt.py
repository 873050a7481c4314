"""One attempt, from files to a result: launches of one runner per model, their rounds interleaved in seeded order."""

from __future__ import annotations

import asyncio
import contextlib
import math
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchfleet.agent import probe
from benchfleet.agent.measure import host, pacing, quality, round_file, stopping
from benchfleet.agent.measure.conclusion import Track, failed, measured
from benchfleet.agent.measure.lane import Lane, LaneFault
from benchfleet.agent.measure.operators import profile_pass
from benchfleet.agent.measure.profiles import Profile
from benchfleet.agent.measure.telemetry import Telemetry
from benchfleet.core import evidence as ev
from benchfleet.core.clock import Clock
from benchfleet.core.errors import BenchfleetError
from benchfleet.core.inventory import Inventory
from benchfleet.core.results import Failure, Result
from benchfleet.core.runspec import RunSpec

LOAD_S, WARM_S, ROUND_S, CHECK_S = 120.0, 60.0, 60.0, 120.0
"""How long each phase may take before the runner is stopped; the attempt's own timeout may be shorter."""

ROUNDS_FEWEST = 3
"""Of a very slow model: below, no interval of the median is defined."""

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
        self.tracks = [Track(name="model", model=spec.model, path=files.model)]
        if spec.baseline is not None and files.baseline is not None:
            self.tracks.append(Track(name="baseline", model=spec.baseline, path=files.baseline))
        self.order = random.Random(spec.seed)
        self.lanes: list[Lane] = []
        self.span_ns = (time.monotonic_ns(), time.monotonic_ns())

    async def run(self) -> Measured:
        """All phases; the runners are gone when it returns."""
        started_utc = self.clock.utc().isoformat()
        failure: Failure | None = None
        stopped = False
        watcher = asyncio.create_task(self._watch())
        try:
            plan = pacing.plan_of(self.spec)
            self.progress("settling", 0.02, "waiting for a turn on this host")
            async with host.turn(self.stop) as alone:
                self._check_stopped()
                self.host = {**host.preflight(), "turn_taken": alone}
                await self._launches(plan)
                await self._score()  # within the turn: it would disturb who measures next
        except _Stopped:
            stopped = True
        except LaneFault as fault:
            stopped = self.stop.is_set()
            failure = Failure(
                reason=fault.reason, phase=fault.phase, detail=fault.detail, stderr_tail=fault.stderr_tail
            )
        except (OSError, BenchfleetError, LookupError, TypeError, ValueError) as error:
            # What a runner answers is input: a model that writes into its pipe, or fills the disk, is an outcome too.
            failure = Failure(reason="exception", phase="measure", detail=f"{type(error).__name__}: {error}")
        finally:
            watcher.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watcher
            await asyncio.gather(*(lane.kill() for lane in self.lanes))
        if stopped or failure is not None:
            return Measured(result=failed(self, started_utc, None if stopped else failure), series=None)
        # Off the loop: a million samples take seconds to sort, and heartbeats go on meanwhile.
        result, blob = await asyncio.to_thread(measured, self, started_utc)
        return Measured(result=result, series=blob)

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

    async def _command(self, i: int, do: str, limit_s: float, **fields: Any) -> dict[str, Any]:
        """One command to lane i; a fault of the baseline says that it is the baseline's."""
        self._check_stopped()
        idle_s = max(1.0, self.deadline_s - self.clock.boottime_s()) + LOAD_S
        try:
            return await self.lanes[i].command(do, self._within_s(limit_s), idle_s, **fields)
        except LaneFault as fault:
            if self.tracks[i].name == "model":
                raise
            detail = f"baseline {self.tracks[i].model.name}: {fault.detail}"
            raise LaneFault(fault.reason, fault.phase, detail, fault.stderr_tail) from fault

    async def _launches(self, plan: Profile) -> None:
        steal = host.steal_ticks()
        start_ns = time.monotonic_ns()
        for launch in range(plan.launches):
            share = launch / plan.launches
            self.lanes = [self._lane(track, launch) for track in self.tracks]
            for i, track in enumerate(self.tracks):
                await self._load(i, track, plan, share)
            await self._rounds(launch, plan, share)
            self.progress("measuring", min(0.99, share + 0.9 / plan.launches), "checking outputs")
            for i, track in reversed(list(enumerate(self.tracks))):  # the baseline first: the model is held against it
                await self._check(i, track, launch)
                await self.lanes[i].stop()
        self.span_ns = (start_ns, time.monotonic_ns())
        if self.spec.operators:
            self.progress("measuring", 0.99, "profiling operators")
            self.lanes = [self._lane(self.tracks[0], plan.launches)]
            self.tracks[0].operators = await profile_pass(self.lanes[0], self._within_s)
            self._check_stopped()
        after = host.steal_ticks()
        if steal and after and after[1] > steal[1]:
            self.host["steal_ratio"] = (after[0] - steal[0]) / (after[1] - steal[1])

    def _lane(self, track: Track, launch: int) -> Lane:
        spec = self.spec
        interpreter, runtime_file = probe.started_by(spec.runtime)
        return Lane(
            track.name,
            {
                "model": str(track.path.absolute()),
                "runtime": spec.runtime,
                "runtime_file": runtime_file,
                **pacing.told(spec),
                "launch": launch,
                "threads": spec.threads,
                "batch": spec.batch,
                "seed": spec.seed,
                "shapes": {name: list(sizes) for name, sizes in spec.shapes.items()},
                "runtime_options": spec.runtime_options,
                "dataset": str(self.files.dataset.absolute()) if self.files.dataset else None,
            },
            self.workspace / track.name / str(launch),
            interpreter,
        )

    async def _load(self, i: int, track: Track, plan: Profile, share: float) -> None:
        self._check_stopped()
        self.progress("warming", share, f"loading {track.model.name}")
        await self.lanes[i].start(self._within_s(LOAD_S))
        loaded = await self._command(i, "load", LOAD_S)
        self.progress("warming", share + 0.05 / plan.launches, f"warming {track.model.name}")
        warm = await self._command(
            i, "warm", WARM_S, span_s=plan.warm_span_s, window_s=plan.warm_window_s, cap_s=plan.warm_cap_s
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
        """Until the medians are known well enough, the rounds are spent, or the launch has taken its time."""
        walls: list[list[tuple[int, ...]]] = [[] for _ in self.lanes]
        until_s = self.clock.monotonic_s() + plan.launch_span_s * len(self.lanes)
        for index in range(plan.rounds_max):
            order = list(range(len(self.lanes)))
            self.order.shuffle(order)
            for i in order:
                done = await self._round(i, launch, index, plan)
                self.tracks[i].rounds.append(done)
                walls[i].append(done.wall_ns)
            fraction = (0.1 + 0.8 * (index + 1) / plan.rounds_max) / plan.launches
            self.progress("measuring", share + fraction, f"round {index + 1}")
            rounds = index + 1
            if pacing.settled(plan, self.tracks[0].rounds, self.telemetry):
                return
            if rounds >= ROUNDS_FEWEST and self.clock.monotonic_s() >= until_s:
                return
            due = rounds >= plan.rounds_min and rounds % plan.rounds_step == 0
            if due and await asyncio.to_thread(stopping.enough, walls, plan):
                return

    async def _round(self, i: int, launch: int, index: int, plan: Profile) -> ev.Round:
        done = await self._command(
            i,
            "round",
            ROUND_S,
            calls_min=plan.round_calls_min,
            span_s=plan.round_span_s,
            cap_s=plan.launch_span_s / plan.rounds_min,
        )
        series = await asyncio.to_thread(round_file.last, self.lanes[i].series, done["series"])
        track = self.tracks[i]
        for name, held in series.items():
            track.series.setdefault(f"{track.name}/{launch}/{name}", bytearray()).extend(held.tobytes())
        return round_file.as_round(done, series, launch=launch, index=index)

    async def _check(self, i: int, track: Track, launch: int) -> None:
        against = "baseline" if track.name == "model" and len(self.tracks) > 1 else None
        found = await self._command(i, "check", CHECK_S, **quality.asked(self.workspace, track.name, launch, against))
        last = track.launches[-1]
        facts = {**last.facts, **found["facts"]}
        track.launches[-1] = replace(last, memory_peak_bytes=found["memory_peak_bytes"], facts=facts)
        track.outputs = quality.merged(track.outputs, found)

    async def _score(self) -> None:
        """What the outputs are worth, when nothing is timed any more."""
        for track in self.tracks:
            if track.outputs is not None and self.files.dataset is not None:
                self._check_stopped()
                self.progress("measuring", 0.99, f"scoring {track.model.name}")
                kept = quality.folder(self.workspace, track.name)
                within_s = self._within_s(quality.SCORE_S_MAX)
                track.outputs = await quality.scored(track.outputs, self.files.dataset, kept, within_s)
            track.feed_steps = [*track.feed_steps, *quality.feed_lines(track.outputs)]
