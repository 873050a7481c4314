"""One attempt on this device: fetch, measure, spool. What goes wrong is a result too."""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import Callable
from pathlib import Path

from benchfleet.agent import memory
from benchfleet.agent.cache import Cache, CorruptError, Fetch
from benchfleet.agent.disk import FULL
from benchfleet.agent.measure.attempt import Files, measure
from benchfleet.agent.measure.conclusion import without_series
from benchfleet.agent.measure.profiles import PROFILES
from benchfleet.agent.runner.loop import CALLS_MAX
from benchfleet.agent.sampler import Sampler
from benchfleet.agent.session.machine import Offer
from benchfleet.agent.spool import Entry, Spool
from benchfleet.core import results
from benchfleet.core.clock import Clock
from benchfleet.core.errors import UnreachableError
from benchfleet.core.inventory import Inventory
from benchfleet.core.results import Failure, Result
from benchfleet.core.runspec import Artifact, RunSpec

log = logging.getLogger(__name__)

Progress = Callable[[str, float, str], None]
SCRATCH_BYTES = 16 * 1024**2
"""Logs of the runners, what a runtime compiles or unpacks, and what the sensors said (8 MiB at most)."""
CALL_BYTES = 3 * 8
"""A call's duration, its wait, and its share of the packed series, which is never larger than what it packs."""


class Worker:
    """Runs attempts, one at a time."""

    def __init__(
        self, state: Path, cache: Cache, spool: Spool, sampler: Sampler, inventory: Inventory, clock: Clock
    ) -> None:
        self._folder = state / "work"
        self._cache, self._spool, self._sampler = cache, spool, sampler
        self._inventory, self._clock = inventory, clock
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
    ) -> Entry | None:
        """The spooled result; None when there is nothing to report: stopped, or too many results wait already."""
        if self._spool.full:
            log.warning("attempt event=refused run=%s why=spool_full", offer.ref.run_id)
            return None
        workspace = self._folder / f"{offer.ref.run_id}.{offer.ref.epoch}"
        self._sampler.active(True)
        try:
            result, series = await self._attempt(offer, fetch, workspace, stop, deadline_s, progress)
            if result.outcome == "stopped":
                return None
            if series is not None and (why := self._spool.refuses(series)) is not None:
                result, series = without_series(result, why), None
            entry = Entry(
                run_id=offer.ref.run_id,
                epoch=offer.ref.epoch,
                result_json=results.dumps(result),
                outcome=result.outcome,
                failure_reason=result.failure.reason if result.failure else "",
                incarnation=incarnation,
                series=series,
            )
            return await asyncio.to_thread(self._spool.put, entry)
        finally:
            self._sampler.active(False)
            self._cache.release()
            shutil.rmtree(workspace, ignore_errors=True)
            memory.trim()

    async def _attempt(
        self,
        offer: Offer,
        fetch: Fetch,
        workspace: Path,
        stop: asyncio.Event,
        deadline_s: Callable[[], float],
        progress: Progress,
    ) -> tuple[Result, Path | None]:
        spec = offer.spec
        refused = self._refusal(offer)
        if refused is not None:
            return _failed(offer, "unsupported_option", "prepare", refused), None
        short = self._shortage(offer)
        if short is not None:
            return _failed(offer, "disk_low", "prepare", short), None
        progress("preparing", 0.0, "fetching artifacts")
        try:
            files = await _or_stop(self._files(offer, fetch), stop)
        except CorruptError as error:
            return _failed(offer, "artifact_corrupt", "prepare", str(error)), None
        except UnreachableError as error:
            return _failed(offer, "artifact_unavailable", "prepare", str(error)), None
        except OSError as error:
            reason = "disk_low" if error.errno in FULL else "disk"
            return _failed(offer, reason, "prepare", f"artifacts cannot be stored ({error.strerror})"), None
        if files is None:
            return _failed(offer, "stopped", "prepare", "stopped while fetching", outcome="stopped"), None
        measured = await measure(
            spec,
            files,
            workspace=workspace,
            inventory=self._inventory,
            clock=self._clock,
            telemetry=self._sampler,
            on_progress=progress,
            stop=stop,
            lease_deadline_s=deadline_s,
        )
        return measured.result, measured.series

    def _refusal(self, offer: Offer) -> str | None:
        spec, limit = offer.spec, self._inventory.cpu_count
        if spec.threads > limit:
            return f"{spec.threads} threads asked, this agent offers {limit}"
        runtime = self._inventory.runtime(spec.runtime)
        if runtime is None or not runtime.available:
            return f"runtime {spec.runtime!r} is not available here"
        if spec.profile not in PROFILES:
            return f"profile {spec.profile!r} is not known to this agent"
        return None

    def _shortage(self, offer: Offer) -> str | None:
        """What the attempt lacks of the disk, after the cache has made what room it can."""
        spec = offer.spec
        found = (spec.model.artifact, spec.baseline.artifact if spec.baseline else None, spec.dataset)
        artifacts = [artifact for artifact in found if artifact is not None]
        fetched_bytes, scratch_bytes = self._cache.missing_bytes(artifacts), _scratch_bytes(spec)
        needed_bytes = fetched_bytes + scratch_bytes
        free_bytes = self._cache.free_up(needed_bytes, artifacts)
        if free_bytes >= needed_bytes:
            return None
        return (
            f"{free_bytes / 1e6:.0f} MB are free in {self._folder.parent} and {needed_bytes / 1e6:.0f} MB are needed "
            f"({fetched_bytes / 1e6:.0f} to fetch, {scratch_bytes / 1e6:.0f} to measure): free space on the device"
        )

    async def _files(self, offer: Offer, fetch: Fetch) -> Files:
        async def get(artifact: Artifact | None) -> Path | None:
            return None if artifact is None else await self._cache.get(artifact, fetch)

        spec = offer.spec
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


def _scratch_bytes(spec: RunSpec) -> int:
    """The most an attempt writes beside its artifacts: the raw nanoseconds, twice where waits are kept, and the zip."""
    plan = PROFILES[spec.profile]
    lanes = 2 if spec.baseline else 1
    return SCRATCH_BYTES + lanes * plan.launches * plan.rounds_max * CALLS_MAX * CALL_BYTES


def _failed(offer: Offer, reason: str, phase: str, detail: str, *, outcome: str = "failed") -> Result:
    return Result(
        outcome="stopped" if outcome == "stopped" else "failed",
        verdict="invalid",
        cell=offer.spec.to_json(),
        failure=Failure(reason=reason, phase=phase, detail=detail),
    )
