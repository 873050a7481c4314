"""One lane of a block and what has been collected of it: a model under one setting, in one process per launch.

A fault ends the lane and no other: the rest of the block is measured on. Its time is bounded by the longest timeout of
the cells that need it.
"""

from __future__ import annotations

import asyncio
import math
import random
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from benchfleet.agent import probe
from benchfleet.agent.measure import monitor, pacing, quality, round_file
from benchfleet.agent.measure.build import engine
from benchfleet.agent.measure.lane import Lane, LaneFault
from benchfleet.agent.measure.operators import profile_pass
from benchfleet.agent.measure.profiles import Profile
from benchfleet.agent.measure.telemetry import Telemetry
from benchfleet.core import evidence as ev
from benchfleet.core.clock import Clock
from benchfleet.core.errors import BenchfleetError
from benchfleet.core.runspec import ModelRef, RunSpec

LOAD_S, WARM_S, ROUND_S, CHECK_S = 120.0, 60.0, 60.0, 120.0
"""How long each phase may take before the runner is stopped; the timeout of the cells may be shorter."""

IDLE_S = 600.0
"""A runner that is told nothing for this long beyond its share of the block ends itself."""


class Bounds(Protocol):
    """What bounds every command of a block."""

    clock: Clock

    def left_s(self) -> float:
        """Seconds until the block must have ended; raises when it was stopped or has none left."""
        ...


@dataclass(slots=True, kw_only=True)
class Track:
    """A lane by its name (`lane0`, `reference`) and setting; `series` holds raw nanoseconds by LAUNCH/NAME."""

    name: str
    spec: RunSpec
    model: ModelRef
    path: Path
    dataset: Path | None
    budget_s: float = math.inf
    spent_s: float = 0.0
    launches: list[ev.Launch] = field(default_factory=list)
    rounds: list[ev.Round] = field(default_factory=list)
    outputs: ev.OutputCheck | None = None
    feed_steps: list[str] = field(default_factory=list)
    operators: dict[str, Any] | None = None
    built: dict[str, Any] = field(default_factory=dict)
    series: dict[str, bytearray] = field(default_factory=dict)
    monitor_pairs_ns: list[tuple[float, float]] = field(default_factory=list)
    fault: LaneFault | None = None
    lane: Lane | None = None
    simulated: dict[str, Any] | None = None

    def walls_ns(self, launch: int) -> list[Sequence[int]]:
        """The calls of each round of one launch, in order."""
        return [r.wall_ns for r in self.rounds if r.launch == launch]

    async def guarded(self, step: Any) -> bool:
        """Whether a step went well; what a runner does wrong is kept as the lane's fault, and its process ends."""
        try:
            await step
        except LaneFault as fault:
            self.fault = fault
        except (OSError, BenchfleetError, LookupError, TypeError, ValueError) as error:
            # What a runner answers is input: a model that writes into its pipe, or fills the disk, is an outcome too.
            self.fault = LaneFault("exception", "measure", f"{type(error).__name__}: {error}")
        if self.fault is not None:
            await self.kill()
        return self.fault is None

    async def kill(self) -> None:
        """Ends the process, if there is one."""
        if self.lane is not None:
            await self.lane.kill()

    async def build(self, workspace: Path, bounds: Bounds) -> None:
        """The engine for this device, where the runtime makes one: a stage of its own, in no load time."""
        if probe.builds(self.spec.runtime):
            self.lane = self._process(-1, workspace)
            self.path, self.built = await engine(
                self.lane, lambda limit_s: min(limit_s, self.budget_s, bounds.left_s())
            )

    async def load(self, launch: int, plan: Profile, workspace: Path, bounds: Bounds) -> None:
        """A fresh process with the model loaded, run once and warm."""
        self.lane = self._process(launch, workspace)
        await self.lane.start(min(LOAD_S, bounds.left_s()))
        loaded = await self._command("load", LOAD_S, bounds)
        warm = await self._command(
            "warm", WARM_S, bounds, span_s=plan.warm_span_s, window_s=plan.warm_window_s, cap_s=plan.warm_cap_s
        )
        self.feed_steps = loaded["feed_steps"]
        self.launches.append(
            ev.Launch(
                load_ns=loaded["load_ns"],
                first_inference_ns=loaded["first_inference_ns"],
                warmup_converged=warm["converged"],
                memory_base_bytes=loaded["memory_base_bytes"],
                memory_loaded_bytes=loaded["memory_loaded_bytes"],
                memory_peak_bytes=None,
                facts={**loaded["facts"], **self.built, "inputs": loaded["inputs"], "outputs": loaded["outputs"]},
            )
        )

    async def round(self, launch: int, index: int, plan: Profile, bounds: Bounds) -> None:
        """One timed block of calls."""
        done, series = await self._timed(plan, bounds)
        for name, held in series.items():
            self.series.setdefault(f"{launch}/{name}", bytearray()).extend(held.tobytes())
        self.rounds.append(round_file.as_round(done, series, launch=launch, index=index))

    async def monitor(self, plan: Profile, telemetry: Telemetry, order: random.Random, bounds: Bounds) -> None:
        """Rounds that do not count, with the sampler and without it."""

        async def timed() -> Sequence[int]:
            return (await self._timed(plan, bounds))[1]["wall_ns"]

        self.monitor_pairs_ns = await monitor.pairs(timed, telemetry, plan.monitor_pairs, order)

    async def _timed(self, plan: Profile, bounds: Bounds) -> tuple[dict[str, Any], dict[str, array[int]]]:
        done = await self._command(
            "round",
            ROUND_S,
            bounds,
            calls_min=plan.round_calls_min,
            span_s=plan.round_span_s,
            cap_s=plan.launch_span_s / plan.rounds_min,
        )
        assert self.lane is not None
        return done, await asyncio.to_thread(round_file.last, self.lane.series, done["series"])

    async def check(self, launch: int, workspace: Path, against: str | None, bounds: Bounds) -> None:
        """The outputs after the timing, and the end of the process; `against` is the lane they are held against."""
        found = await self._command("check", CHECK_S, bounds, **quality.asked(workspace, self.name, launch, against))
        last = self.launches[-1]
        facts = {**last.facts, **found["facts"]}
        self.launches[-1] = replace(last, memory_peak_bytes=found["memory_peak_bytes"], facts=facts)
        self.outputs = quality.merged(self.outputs, found)
        assert self.lane is not None
        await self.lane.stop()

    async def profile_operators(self, launch: int, workspace: Path, bounds: Bounds) -> None:
        """One more process, whose times are never a latency."""
        self.lane = self._process(launch, workspace)
        self.operators = await profile_pass(self.lane, lambda limit_s: min(limit_s, bounds.left_s()))

    async def score(self, workspace: Path, bounds: Bounds) -> None:
        """What the outputs are worth, when nothing is timed any more."""
        if self.outputs is not None and self.dataset is not None:
            kept = quality.folder(workspace, self.name)
            within_s = min(quality.SCORE_S_MAX, bounds.left_s())
            self.outputs = await quality.scored(self.outputs, self.dataset, kept, within_s)
        self.feed_steps = [*self.feed_steps, *quality.feed_lines(self.outputs)]

    def _process(self, launch: int, workspace: Path) -> Lane:
        interpreter, runtime_file = probe.started_by(self.spec.runtime)
        told = _runner_spec(self, runtime_file, launch)
        return Lane(self.name, told, workspace / self.name / str(launch), interpreter)

    async def _command(self, do: str, limit_s: float, bounds: Bounds, **fields: Any) -> dict[str, Any]:
        assert self.lane is not None
        left_s = min(bounds.left_s(), self.budget_s - self.spent_s)
        if left_s <= 0:
            raise LaneFault("timeout", do, f"the measurement took longer than {self.budget_s:.0f} s")
        started_s = bounds.clock.monotonic_s()
        try:
            return await self.lane.command(do, max(0.05, min(limit_s, left_s)), bounds.left_s() + IDLE_S, **fields)
        except LaneFault as fault:
            if fault.reason != "timeout" or left_s >= limit_s:
                raise
            # Not the limit of this command: what was left of the whole had got small.
            why = f"the timeout of {self.budget_s:.0f} s ran out in {do}; raise measure.timeout, or ask for less"
            raise LaneFault("timeout", do, why, fault.stderr_tail) from fault
        finally:
            self.spent_s += bounds.clock.monotonic_s() - started_s


def _runner_spec(track: Track, runtime_file: str | None, launch: int) -> dict[str, Any]:
    spec = track.spec
    return {
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
        "dataset": str(track.dataset.absolute()) if track.dataset else None,
        "simulated": track.simulated,
    }
