"""What an offer asks of this device: fetch, measure together, spool. What goes wrong is a result too."""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchfleet.agent import memory
from benchfleet.agent.cache import Cache, CorruptError, Fetch
from benchfleet.agent.disk import FULL
from benchfleet.agent.measure.block import Around, Cell, Files, Measured, Progress, measure_block
from benchfleet.agent.measure.conclusion import without_series
from benchfleet.agent.measure.heat import Rest
from benchfleet.agent.measure.profiles import PROFILES
from benchfleet.agent.measure.reference import Reference
from benchfleet.agent.power_switch import Switch
from benchfleet.agent.runner.loop import CALLS_MAX
from benchfleet.agent.sampler import Sampler
from benchfleet.agent.session.machine import Member, Offer, Ref
from benchfleet.agent.spool import Entry, Spool
from benchfleet.core import results, scenario
from benchfleet.core.clock import Clock
from benchfleet.core.errors import UnreachableError
from benchfleet.core.inventory import Inventory
from benchfleet.core.results import Failure, Result
from benchfleet.core.runspec import Artifact, RunSpec

log = logging.getLogger(__name__)

SCRATCH_BYTES = 16 * 1024**2
"""Logs of the runners, what a runtime compiles or unpacks, and what the sensors said (8 MiB at most)."""
CALL_BYTES = 3 * 8
"""A call's duration, its wait, and its share of the packed series, which is never larger than what it packs."""


class Worker:
    """Measures what an offer asks for, one offer at a time."""

    def __init__(
        self,
        state: Path,
        cache: Cache,
        spool: Spool,
        sampler: Sampler,
        inventory: Inventory,
        clock: Clock,
        temperature_limit_c: float | None = None,
        simulated: dict[str, Any] | None = None,
        power: Switch | None = None,
    ) -> None:
        self._folder = state / "work"
        self._reference = Reference(file=state / "reference.json")
        self._cache, self._spool, self._sampler = cache, spool, sampler
        self._inventory, self._clock, self._simulated = inventory, clock, simulated
        self._rest, self._temperature_limit_c = Rest(), temperature_limit_c
        self._power = power or Switch()
        shutil.rmtree(self._folder, ignore_errors=True)
        memory.trim()  # of what importing and probing took

    async def run(
        self,
        offer: Offer,
        fetch: Fetch,
        *,
        incarnation: int,
        stop: asyncio.Event,
        deadline_s: Callable[[], float],
        progress: Progress,
        spooled: Callable[[Ref], None] = lambda ref: None,
    ) -> list[Entry]:
        """The spooled results; an attempt that has none was stopped, or too many results wait already.

        `spooled` hears of each as soon as it is safe: on a small disk others of the offer are measured after it.
        """
        if self._spool.full:
            log.warning("attempt event=refused run=%s why=spool_full", offer.refs[0].run_id)
            return []
        workspace = self._folder / _folder_name(offer.refs[0])
        around = Around(
            workspace=workspace,
            inventory=self._inventory,
            clock=self._clock,
            telemetry=self._sampler,
            reference=self._reference,
            simulated=self._simulated,
            power=self._power,
            progress=progress,
            stop=stop,
            lease_deadline_s=deadline_s,
            rest=self._rest,
            temperature_limit_c=self._temperature_limit_c,
        )
        self._sampler.active(True)
        entries = []
        try:
            left = list(offer.members)
            while left and not stop.is_set():
                group = self._group(left)
                del left[: len(group)]
                # Whatever the disk or a peer does to one cell, the others keep what they have.
                for ref, measured in await self._measured(group, fetch, around):
                    if measured.result.outcome != "stopped":
                        entries.append(await asyncio.to_thread(self._put, ref, measured, incarnation))
                        spooled(ref)
                self._cache.release()
            return entries
        finally:
            self._sampler.active(False)
            self._cache.release()
            shutil.rmtree(workspace, ignore_errors=True)
            memory.trim()

    def _put(self, ref: Ref, measured: Measured, incarnation: int) -> Entry:
        result, series = measured.result, measured.series
        if series is not None and (why := self._spool.refuses(series)) is not None:
            result, series = without_series(result, why), None
        entry = Entry(
            run_id=ref.run_id,
            epoch=ref.epoch,
            result_json=results.dumps(result),
            outcome=result.outcome,
            failure_reason=result.failure.reason if result.failure else "",
            incarnation=incarnation,
            series=series,
        )
        return self._spool.put(entry)

    def _group(self, members: Sequence[Member]) -> list[Member]:
        """The first members whose files fit on the disk together and that can run side by side; at least one."""
        group = [members[0]]
        for member in members[1:]:
            together = member.spec.pace == members[0].spec.pace and not scenario.is_alone(member.spec.scenario)
            if not together or self._shortage([m.spec for m in (*group, member)]) is not None:
                break
            group.append(member)
        return group

    async def _measured(self, group: Sequence[Member], fetch: Fetch, around: Around) -> list[tuple[Ref, Measured]]:
        """One outcome per member; those that cannot be begun have theirs at once."""
        found: list[tuple[Ref, Measured]] = []
        cells: list[tuple[Ref, Cell]] = []
        around.progress("preparing", 0.0, "fetching artifacts")
        for member in group:
            cell = await self._prepared(member, fetch, around.stop)
            if isinstance(cell, Cell):
                cells.append((member.ref, cell))
            else:
                found.append((member.ref, Measured(result=cell, series=None)))
        if cells:
            mode = group[0].spec.power_mode or ""
            around = replace(around, reference=replace(self._reference, under=mode))
            measured = await measure_block([cell for _, cell in cells], around)
            found += zip((ref for ref, _ in cells), measured, strict=True)
        return found

    async def _prepared(self, member: Member, fetch: Fetch, stop: asyncio.Event) -> Cell | Result:
        """A cell with its files here, or the result of an attempt that cannot have them."""
        spec = member.spec
        refused = self._refusal(spec)
        if refused is not None:
            return _failed(spec, "unsupported_option", refused)
        short = self._shortage([spec])
        if short is not None:
            return _failed(spec, "disk_low", short)
        try:
            files = await _or_stop(self._files(spec, fetch), stop)
        except CorruptError as error:
            return _failed(spec, "artifact_corrupt", str(error))
        except UnreachableError as error:
            return _failed(spec, "artifact_unavailable", str(error))
        except OSError as error:
            reason = "disk_low" if error.errno in FULL else "disk"
            return _failed(spec, reason, f"artifacts cannot be stored ({error.strerror})")
        if files is None:
            return _failed(spec, "stopped", "stopped while fetching", outcome="stopped")
        return Cell(name=_folder_name(member.ref), spec=spec, files=files)

    def _refusal(self, spec: RunSpec) -> str | None:
        limit = self._inventory.cpu_count
        if spec.threads > limit:
            return f"{spec.threads} threads asked, this agent offers {limit}"
        runtime = self._inventory.runtime(spec.runtime)
        if runtime is None or not runtime.available:
            return f"runtime {spec.runtime!r} is not available here"
        if spec.profile not in PROFILES:
            return f"profile {spec.profile!r} is not known to this agent"
        return self._power.refusal(spec.power_mode)

    def _shortage(self, specs: Sequence[RunSpec]) -> str | None:
        """What a block lacks of the disk, after the cache has made what room it can."""
        wanted = {artifact.digest: artifact for spec in specs for artifact in _artifacts(spec)}
        artifacts = list(wanted.values())
        fetched_bytes = self._cache.missing_bytes(artifacts)
        scratch_bytes = SCRATCH_BYTES + sum(_series_bytes(spec) for spec in specs)
        needed_bytes = fetched_bytes + scratch_bytes
        free_bytes = self._cache.free_up(needed_bytes, artifacts)
        if free_bytes >= needed_bytes:
            return None
        return (
            f"{free_bytes / 1e6:.0f} MB are free in {self._folder.parent} and {needed_bytes / 1e6:.0f} MB are needed "
            f"({fetched_bytes / 1e6:.0f} to fetch, {scratch_bytes / 1e6:.0f} to measure): free space on the device"
        )

    async def _files(self, spec: RunSpec, fetch: Fetch) -> Files:
        async def get(artifact: Artifact | None) -> Path | None:
            return None if artifact is None else await self._cache.get(artifact, fetch)

        model = await get(spec.model.artifact)
        assert model is not None
        baseline = await get(spec.baseline.artifact if spec.baseline else None)
        return Files(model=model, baseline=baseline, dataset=await get(spec.dataset))


async def _or_stop(work, stop: asyncio.Event):  # type: ignore[no-untyped-def]
    """The result of `work`, or None when `stop` is set first."""
    task = asyncio.ensure_future(work)
    waiter = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait([task, waiter], return_when=asyncio.FIRST_COMPLETED)
        return await task if task.done() else None
    finally:
        for each in (task, waiter):
            each.cancel()


def _folder_name(ref: Ref) -> str:
    return f"{ref.run_id}.{ref.epoch}"


def _artifacts(spec: RunSpec) -> list[Artifact]:
    found = (spec.model.artifact, spec.baseline.artifact if spec.baseline else None, spec.dataset)
    return [artifact for artifact in found if artifact is not None]


def _series_bytes(spec: RunSpec) -> int:
    """The most that the raw series of a cell take: its nanoseconds, twice where waits are kept, and the zip."""
    plan = PROFILES.get(spec.profile, PROFILES["standard"])
    lanes = 2 if spec.baseline else 1
    return lanes * plan.launches * plan.rounds_max * CALLS_MAX * CALL_BYTES


def _failed(spec: RunSpec, reason: str, detail: str, *, outcome: str = "failed") -> Result:
    return Result(
        outcome="stopped" if outcome == "stopped" else "failed",
        verdict="invalid",
        cell=spec.to_json(),
        failure=Failure(reason=reason, phase="prepare", detail=detail),
    )
