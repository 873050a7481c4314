"""A block: cells of one device measured together, so that what the host does to one it does to all.

Every launch starts a fresh process per lane; rounds of all lanes are then run in seeded random order until each median
is known well enough. Cells with the same file and setting share a lane: the model of one is the baseline of another.
The reference work is a lane of every block. What one lane does wrong is the outcome of its cells and of no other.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import math
import random
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchfleet.agent.measure import heat, host, pacing, settling, stopping
from benchfleet.agent.measure.conclusion import Seen, failed, measured
from benchfleet.agent.measure.lane import LaneFault
from benchfleet.agent.measure.profiles import Profile
from benchfleet.agent.measure.reference import NO_REFERENCE, Reference
from benchfleet.agent.measure.telemetry import Telemetry
from benchfleet.agent.measure.track import Track
from benchfleet.agent.measure.watch import Watch
from benchfleet.agent.power_modes import SwitchError
from benchfleet.agent.power_switch import Held, Switch
from benchfleet.core import scenario
from benchfleet.core.clock import Clock
from benchfleet.core.errors import BenchfleetError
from benchfleet.core.inventory import Inventory
from benchfleet.core.results import Failure, Result
from benchfleet.core.runspec import ModelRef, RunSpec

ROUNDS_FEWEST = 3
"""Of a very slow model: below, no interval of the median is defined."""

BLOCK_EXTRA_S = 300.0
"""What settling, cooling and the reference work may add to the timeouts of the cells."""

Progress = Callable[[str, float, str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """Where the bytes of a spec's artifacts lie."""

    model: Path
    baseline: Path | None = None
    dataset: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One cell and its files; `name` tells it from the others of its block (the run's id)."""

    name: str
    spec: RunSpec
    files: Files


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A result and the raw series behind it (a zip; None when nothing was timed)."""

    result: Result
    series: Path | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What a block has around it; `lease_deadline_s` is when it must have stopped, on the boot-time clock.

    `rest` is what blocks before it began at; above `temperature_limit_c` (None: the chip's own) it is stopped.
    `simulated` is what runners are told of a board that is not there (runner/simulated.py).
    """

    workspace: Path
    inventory: Inventory
    clock: Clock
    telemetry: Telemetry | None = None
    reference: Reference = NO_REFERENCE
    simulated: dict[str, Any] | None = None
    power: Switch | None = None
    progress: Progress = lambda phase, fraction, note: None
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    lease_deadline_s: Callable[[], float] = lambda: math.inf
    rest: heat.Rest = field(default_factory=heat.Rest)
    temperature_limit_c: float | None = None


class _Stopped(Exception):  # noqa: N818
    """The block was cancelled or fenced."""


async def measure_block(cells: Sequence[Cell], around: Around) -> list[Measured]:
    """One outcome per cell, in their order; whatever a model or a runner does is in it, and never raised."""
    return await _Block(cells, around).run()


class _Block:
    def __init__(self, cells: Sequence[Cell], around: Around) -> None:
        self.cells, self.around, self.clock = cells, around, around.clock
        self.deadline_s = self._deadline_s()
        self.host: dict[str, Any] = {}
        self.power = Held()
        self.tracks: dict[str, Track] = {}
        self.order = random.Random(hashlib.sha256(repr([(c.name, c.spec.seed) for c in cells]).encode()).digest())
        for cell in cells:
            self._add(cell, cell.spec.lane, cell.spec.model, cell.files.model)
            if cell.spec.baseline is not None and cell.files.baseline is not None:
                self._add(cell, cell.spec.baseline_lane, cell.spec.baseline, cell.files.baseline)
        alone = any(scenario.is_alone(cell.spec.scenario) for cell in cells)
        self.reference = None if alone else around.reference.track()
        for track in self._all():
            track.simulated = around.simulated
        self.span_ns = (time.monotonic_ns(), time.monotonic_ns())
        self.ended: LaneFault | None = None
        self.hot = ""
        self.id = ""

    def _deadline_s(self) -> float:
        return self.clock.boottime_s() + sum(cell.spec.timeout_s for cell in self.cells) + BLOCK_EXTRA_S

    def _add(self, cell: Cell, key: str, model: ModelRef, path: Path) -> None:
        """The lane of a model under a cell's setting, unless another cell has brought it."""
        track = self.tracks.setdefault(
            key,
            Track(
                name=f"lane{len(self.tracks)}",
                spec=cell.spec,
                model=model,
                path=path,
                dataset=cell.files.dataset,
                budget_s=0.0,
            ),
        )
        track.budget_s = max(track.budget_s, cell.spec.timeout_s)

    def _all(self) -> list[Track]:
        return [*self.tracks.values(), *([self.reference] if self.reference is not None else [])]

    async def run(self) -> list[Measured]:
        started_utc = self.clock.utc().isoformat()
        self.id = hashlib.sha256(" ".join([started_utc, *(c.name for c in self.cells)]).encode()).hexdigest()[:16]
        stopped = False
        watchers = [asyncio.create_task(self._watch()), asyncio.create_task(self._watch_heat())]
        try:
            plan = pacing.plan_of(self.cells[0].spec)
            self.around.progress("settling", 0.01, "waiting for a turn on this host")
            async with host.turn(self.around.stop) as alone:
                self.deadline_s = self._deadline_s()  # a turn may come late, and another block be long
                self.left_s()
                async with self._power(alone):
                    await self._build()
                    await self._settle(plan, alone)
                    watch = Watch()
                    async with watch.beating():
                        await self._launches(plan)
                    self.host.update(watch.facts())
                    await self._afterwards(plan)
                self.host.update(self.power.facts())
        except _Stopped:
            stopped = True
        except LaneFault as fault:
            self.ended = fault
        except SwitchError as error:
            self.ended = LaneFault("power_mode", "settle", str(error))
        except (OSError, BenchfleetError) as error:
            self.ended = LaneFault("exception", "measure", f"{type(error).__name__}: {error}")
        finally:
            for watcher in watchers:
                watcher.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await watcher
            await asyncio.gather(*(track.kill() for track in self._all()))
        earlier_ns = self.around.reference.baseline_ns(self.reference)
        if not stopped and self.ended is None:
            self.around.reference.remember(self.reference)
        # Off the loop: a million samples take seconds to sort, and heartbeats go on meanwhile.
        return [await asyncio.to_thread(self._concluded, cell, started_utc, stopped, earlier_ns) for cell in self.cells]

    def _concluded(self, cell: Cell, started_utc: str, stopped: bool, earlier_ns: float | None) -> Measured:
        model = self._model(cell)
        seen = Seen(
            spec=cell.spec,
            workspace=self.around.workspace / cell.name,
            inventory=self.around.inventory,
            clock=self.clock,
            telemetry=self.around.telemetry,
            host=dict(self.host),
            model=model,
            baseline=self._baseline(cell),
            reference=self.reference,
            reference_baseline_ns=earlier_ns,
            block={"id": self.id, "cells": [c.name for c in self.cells]},
            span_ns=self.span_ns,
            power=self.power.provenance(),
        )
        fault = model.fault or self.ended
        if stopped or fault is not None:
            failure = None if fault is None or stopped else _failure(fault)
            return Measured(result=failed(seen, started_utc, failure), series=None)
        result, blob = measured(seen, started_utc)
        return Measured(result=result, series=blob)

    async def _watch(self) -> None:
        """Kills the runners as soon as the block is stopped: a call that never returns must not hold it up."""
        await self.around.stop.wait()
        await asyncio.gather(*(track.kill() for track in self._all()))

    async def _watch_heat(self) -> None:
        """Kills the runners before the device ends itself."""
        telemetry, limit_c = self.around.telemetry, self.around.temperature_limit_c
        while not self.hot:
            await asyncio.sleep(heat.LOOK_S)
            self.hot = heat.too_hot(telemetry, time.monotonic_ns(), limit_c)
        await asyncio.gather(*(track.kill() for track in self._all()))

    def _check_heat(self) -> None:
        if self.hot:
            raise _Ended("over_temperature", "measure", f"stopped by the agent: {self.hot}; cool the device")

    def left_s(self) -> float:
        """Seconds until the block must have ended.

        Not until the lease has: it is renewed while a model loads for a minute. When it is not, the agent says stop.
        """
        if self.around.stop.is_set():
            raise _Stopped
        self._check_heat()
        now_s = self.clock.boottime_s()
        if now_s >= self.around.lease_deadline_s():
            raise _Ended("deadline", "measure", "the lease ran out without an answer from the controller")
        if now_s >= self.deadline_s:
            raise _Ended("timeout", "measure", "the cells measured together took longer than all their timeouts")
        return self.deadline_s - now_s

    async def _build(self) -> None:
        """Engines that runtimes make for this device: before the host is watched, since it works hard for minutes."""
        for track in self._healthy():
            self.around.progress("preparing", 0.01, f"preparing {track.model.name}")
            await self._guarded(track, track.build(self.around.workspace, self))

    @contextlib.asynccontextmanager
    async def _power(self, alone: bool) -> AsyncIterator[None]:
        """The device in the power mode that the cells ask for, or as it is found; what it was is set again after."""
        mode = self.cells[0].spec.power_mode
        if self.around.power is None:
            if mode is not None:
                raise SwitchError("nothing here sets power modes")
            yield
            return
        if mode is not None:
            self.around.progress("settling", 0.01, f"setting power mode {mode}")
        async with self.around.power.during(mode, alone=alone) as self.power:
            for track in self.tracks.values():
                if crowded := self.power.crowded(track.spec.threads):
                    track.fault = LaneFault("unsupported_option", "settle", crowded)
            yield

    async def _settle(self, plan: Profile, alone: bool) -> None:
        self.left_s()
        cooled = await self._cool(self.around.rest.target_c(self.clock.monotonic_s()))
        self.around.progress("settling", 0.02, "watching the idle host")
        self.host = {
            **await settling.preflight(plan.preflight_s, self.around.telemetry, self.around.stop),
            "turn_taken": alone,
            **({"cooling": [cooled]} if cooled else {}),
        }
        self.around.rest.began(self.host.get("temperature_c"), self.clock.monotonic_s())
        self.left_s()

    async def _cool(self, to_c: float | None) -> dict[str, Any]:
        self.around.progress("settling", 0.01, "cooling down")
        return await settling.cool_down(to_c, self.around.telemetry, self.clock, self.around.stop)

    async def _launches(self, plan: Profile) -> None:
        start_ns = time.monotonic_ns()
        for launch in range(plan.launches):
            share = launch / plan.launches
            if launch:
                cooled = await self._cool(self.host.get("temperature_c"))
                if cooled:
                    self.host.setdefault("cooling", []).append({"launch": launch, **cooled})
            await self._launch(launch, plan, share)
            if all(track.fault is not None for track in self.tracks.values()):
                break
        self.span_ns = (start_ns, time.monotonic_ns())
        if after_ns := await settling.idle_after(plan.preflight_s, self.around.telemetry, self.around.stop):
            self.host["idle_after_span_ns"] = list(after_ns)

    async def _launch(self, launch: int, plan: Profile, share: float) -> None:
        healthy = self._healthy()
        for i, track in enumerate(self._shuffled(healthy)):
            done = share + 0.2 * i / len(healthy) / plan.launches
            self.around.progress("warming", done, f"loading and warming {track.model.name}")
            await self._guarded(track, track.load(launch, plan, self.around.workspace, self))
        await self._rounds(launch, plan, share)
        if launch == plan.launches - 1:
            await self._monitor(plan)
        against = self._against()
        # Baselines first: the others' outputs are held against theirs.
        for track in sorted(self._healthy(), key=lambda t: t.name in against):
            self.around.progress("measuring", min(0.99, share + 0.9 / plan.launches), "checking outputs")
            await self._guarded(track, track.check(launch, self.around.workspace, against.get(track.name), self))

    async def _monitor(self, plan: Profile) -> None:
        """What the sampler costs: the model of each cell where the profile asks for it, else the reference work."""
        telemetry = self.around.telemetry
        if telemetry is None:
            return
        tracks = {track.name: track for track in map(self._model, self.cells)} if plan.monitor_each else {}
        if not tracks and self.reference is not None:
            tracks = {self.reference.name: self.reference}
        for track in tracks.values():
            if track.fault is None:
                self.around.progress("measuring", 0.98, f"{track.model.name} with the sampler on and off")
                await self._guarded(track, track.monitor(plan, telemetry, self.order, self))

    def _against(self) -> dict[str, str]:
        """The lane of the baseline by the lane of the model."""
        found = {}
        for cell in self.cells:
            baseline = self._baseline(cell)
            if baseline is not None:
                found[self._model(cell).name] = baseline.name
        return found

    def _model(self, cell: Cell) -> Track:
        return self.tracks[cell.spec.lane]

    def _baseline(self, cell: Cell) -> Track | None:
        return self.tracks.get(cell.spec.baseline_lane)

    async def _afterwards(self, plan: Profile) -> None:
        """What is learnt when nothing is timed any more, but within the turn: it would disturb who measures next."""
        wanted = {self._model(cell).name for cell in self.cells if cell.spec.operators}
        for track in self._healthy():
            if track.name in wanted:
                self.around.progress("measuring", 0.99, f"profiling operators of {track.model.name}")
                await self._guarded(track, track.profile_operators(plan.launches, self.around.workspace, self))
            self.around.progress("measuring", 0.99, f"scoring {track.model.name}")
            await self._guarded(track, track.score(self.around.workspace, self))

    async def _rounds(self, launch: int, plan: Profile, share: float) -> None:
        """Until every median is known well enough, the rounds are spent, or each lane has had its time.

        Of its own calls: that another lane hung until it was stopped costs nobody else a round.
        """
        going = self._healthy()
        for index in range(plan.rounds_max):
            if index >= plan.rounds_min and index % plan.rounds_step == 0:
                going = await asyncio.to_thread(self._unsettled, launch, plan)
            going = [t for t in going if t.fault is None and not _spent(t, launch, index, plan)]
            if not going:
                return
            for track in self._shuffled(going):
                await self._guarded(track, track.round(launch, index, plan, self))
            if any(pacing.settled(plan, t.rounds, self.around.telemetry) for t in going):
                return
            done = share + (0.2 + 0.7 * (index + 1) / plan.rounds_max) / plan.launches
            self.around.progress("measuring", done, f"round {index + 1} of {len(going)} lanes")

    def _unsettled(self, launch: int, plan: Profile) -> list[Track]:
        """The lanes whose median is not known well enough yet, with what they are compared with."""
        rough = {
            key
            for key, track in self.tracks.items()
            if track.fault is None and not stopping.enough([track.walls_ns(launch)], plan)
        }
        compared = {
            cell.spec.baseline_lane for cell in self.cells if cell.spec.baseline is not None and cell.spec.lane in rough
        }
        going = [self.tracks[key] for key in self.tracks if key in rough | compared]
        return [*going, self.reference] if going and self.reference is not None else going

    def _healthy(self) -> list[Track]:
        return [track for track in self._all() if track.fault is None]

    def _shuffled(self, tracks: list[Track]) -> list[Track]:
        return self.order.sample(tracks, len(tracks))

    async def _guarded(self, track: Track, step: Any) -> None:
        await track.guarded(step)
        if self.around.stop.is_set():
            raise _Stopped
        self._check_heat()
        if isinstance(track.fault, _Ended):
            fault, track.fault = track.fault, None
            raise fault


class _Ended(LaneFault):
    """The end of the whole block, whichever lane met it."""


def _spent(track: Track, launch: int, index: int, plan: Profile) -> bool:
    """Whether a slow model has had its share of a launch: what the others leave of theirs is not for it."""
    took_ns = sum(r.end_ns - r.start_ns for r in track.rounds if r.launch == launch)
    return index >= ROUNDS_FEWEST and took_ns * 1e-9 >= plan.launch_span_s


def _failure(fault: LaneFault) -> Failure:
    return Failure(reason=fault.reason, phase=fault.phase, detail=fault.detail, stderr_tail=fault.stderr_tail)
