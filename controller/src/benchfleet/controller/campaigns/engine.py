"""Turns events into committed rows and then into messages: load the slice, step, save, commit, act."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import DecodeError
from sqlalchemy import Connection, func, select, update

from benchfleet.controller import audit
from benchfleet.controller.campaigns import blocks, machine, rows, scheduler
from benchfleet.controller.events import Hub
from benchfleet.controller.fleet.sessions import Sessions
from benchfleet.controller.store import Store
from benchfleet.controller.store import tables as t
from benchfleet.core import wire
from benchfleet.core.clock import Clock
from benchfleet.core.errors import BenchfleetError, RefusedError
from benchfleet.core.runspec import RunSpec
from benchfleet.v1 import agent_pb2, run_pb2

log = logging.getLogger(__name__)

SWEEP_S = 1.0
"""Catches what events missed: leases that ran out, idle devices with queued runs."""

BARRED_PER_SWEEP = 200
"""Of one device: a matrix of thousands of runs on a device that is gone does not hold up the others."""

ENDED = ("succeeded", "failed", "cancelled")
NO_ACTIONS: tuple[machine.Action, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one event did: the slices around it and the actions, with what they need."""

    before: machine.Slice
    after: machine.Slice
    actions: tuple[machine.Action, ...]
    campaign_id: str
    campaign_name: str
    spec: bytes


class Engine:
    """Owns every change of runs and attempts."""

    def __init__(self, store: Store, sessions: Sessions, hub: Hub, clock: Clock) -> None:
        self.store, self.sessions, self.hub, self.clock = store, sessions, hub, clock
        self._wake = asyncio.Event()
        self._absent_since_s: dict[str, float] = {}
        self._sweeper: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Extends every live lease (whoever holds one may still be measuring), then sweeps."""
        for run_id in await self.store.read(_holding):
            await self.handle(run_id, machine.Restarted())
        self._sweeper = asyncio.create_task(self._sweep())

    async def stop(self) -> None:
        """Ends the sweep; leases stay as they are."""
        if self._sweeper is not None:
            self._sweeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._sweeper

    def wake(self) -> None:
        """There may be something to lease."""
        self._wake.set()

    async def handle(self, run_id: str, event: machine.Event) -> Outcome | None:
        """One event of one run, committed, then acted on. None when there is no such run."""
        now_s, now_utc_s = self.clock.boottime_s(), self.clock.utc().timestamp()
        outcome = await self.store.write(lambda c: _apply(c, run_id, event, now_s, now_utc_s))
        if outcome is not None:
            self._act(outcome)
        return outcome

    async def report(self, report: rows.Report) -> str:
        """The disposition of a result, committed with its row; the same report again is answered the same.

        RefusedError for an attempt that is not the device's. All is one transaction: two equal reports at one instant
        are one row and one answer.
        """
        now_s, now_utc_s = self.clock.boottime_s(), self.clock.utc().timestamp()

        def transact(connection: Connection) -> tuple[str, Outcome | None]:
            epoch = report.event.epoch
            if rows.reporter(connection, report.run_id, epoch) != report.device:
                raise RefusedError(
                    f"{report.device}: run {report.run_id} epoch {epoch} is not an attempt of it", reason="NOT_YOURS"
                )
            known = rows.disposition(connection, report)
            if known is not None:
                return known, None
            outcome = _apply(connection, report.run_id, report.event, now_s, now_utc_s)
            assert outcome is not None
            (decided,) = (a.disposition for a in outcome.actions if isinstance(a, machine.Record))
            rows.record(connection, report, decided, now_utc_s)
            return decided, outcome

        disposition, outcome = await self.store.write(transact)
        if outcome is not None:
            self._act(outcome)
        return disposition

    def _act(self, outcome: Outcome) -> None:
        run, attempt = outcome.after.run, outcome.after.attempt
        for action in outcome.actions:
            if isinstance(action, machine.Withdraw):
                ref = agent_pb2.AttemptRef(run_id=run.id, epoch=action.epoch)
                cancel = agent_pb2.Cancel(attempt=ref, reason=action.reason)
                self.sessions.send(run.device, agent_pb2.SessionResponse(cancel=cancel))
        if outcome.before != outcome.after:
            self.hub.changed(outcome.campaign_id, run.id)
            if outcome.before.run.state != run.state or (attempt is not None and not attempt.holds_device):
                self.wake()

    async def lease(self, run_ids: Sequence[str], incarnation: int) -> None:
        """Leases runs of one device together, in one transaction, and offers them as one block."""
        now_s, now_utc_s = self.clock.boottime_s(), self.clock.utc().timestamp()
        event = machine.Lease(incarnation, block=uuid.uuid4().hex)

        def transact(connection: Connection) -> list[Outcome]:
            found = (_apply(connection, run_id, event, now_s, now_utc_s) for run_id in run_ids)
            return [outcome for outcome in found if outcome is not None]

        outcomes = await self.store.write(transact)
        for outcome in outcomes:
            self._act(outcome)
        self._offer([outcome for outcome in outcomes if outcome.actions == (machine.Offer(),)])

    async def reoffer(self, run_id: str) -> None:
        """Sends the assignment of a live attempt again, with those of its block; that renews their leases."""
        outcomes = []
        for member, epoch in await self.store.read(lambda c: _block_of(c, run_id)):
            outcome = await self.handle(member, machine.Renewed(epoch))
            if outcome is not None and outcome.after.run.state == "leased":
                outcomes.append(outcome)
        self._offer(outcomes)

    def _offer(self, outcomes: Sequence[Outcome]) -> None:
        if outcomes:
            self.sessions.send(outcomes[0].after.run.device, assign_message(outcomes))

    async def _sweep(self) -> None:
        while True:
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._wake.wait(), SWEEP_S)
            self._wake.clear()
            try:
                await self._expire()
                await self._bar()
                await self._schedule()
            except Exception:  # the loop that keeps the fleet going must outlive one bad turn
                log.exception("engine event=sweep_failed")

    async def _expire(self) -> None:
        now_s = self.clock.boottime_s()

        def expired(connection: Connection) -> Sequence[str]:
            held = select(t.attempt.c.run).where(t.attempt.c.holds_device, t.attempt.c.lease_deadline_s <= now_s)
            return connection.execute(held).scalars().all()

        for run_id in await self.store.read(expired):
            await self.handle(run_id, machine.Tick())
        # A controller that died in the middle of a cancel has marked the campaign and not yet every run.
        for run_id in await self.store.read(_left_of_cancelled):
            await self.handle(run_id, machine.Cancelled("the campaign was cancelled"))

    async def _bar(self) -> None:
        """Runs whose device cannot take them are said to be unschedulable, and come back when it can."""
        online, now_s = set(self.sessions.online()), self.clock.boottime_s()
        waiting = await self.store.read(_waiting_devices)
        away = {w.device for w in waiting} - online
        self._absent_since_s = {device: self._absent_since_s.get(device, now_s) for device in away}
        events: dict[tuple[str, str, str], machine.Event] = {}
        for device, state, reason, admission in waiting:
            since_s = self._absent_since_s.get(device)
            found = scheduler.standing(admission, None if since_s is None else now_s - since_s)
            if found == "ready" and state == "unschedulable":
                events[device, state, reason] = machine.Cleared()
            elif isinstance(found, machine.Barred) and (state == "queued" or found.reason != reason):
                events[device, state, reason] = found
        for key, event in events.items():
            for run_id in await self.store.read(lambda c, key=key: _waiting_runs(c, *key)):  # type: ignore[misc]
                await self.handle(run_id, event)

    async def _schedule(self) -> None:
        online = self.sessions.online()
        if not online:
            return

        def candidates(connection: Connection) -> tuple[list[scheduler.Waiting], list[str]]:
            queued = connection.execute(
                select(t.run.c.id, t.run.c.device, t.run.c.ordinal, t.campaign.c.created_utc_s)
                .join(t.campaign, t.campaign.c.id == t.run.c.campaign)
                .where(t.run.c.state == "queued", t.run.c.device.in_(online))
            ).all()
            busy = select(t.attempt.c.device).where(t.attempt.c.holds_device)
            idle = connection.execute(
                select(t.device.c.name).where(
                    t.device.c.name.in_(online), t.device.c.admission == "open", t.device.c.name.not_in(busy)
                )
            ).scalars()
            waiting = [
                scheduler.Waiting(run_id=q.id, device=q.device, campaign_order=q.created_utc_s, ordinal=q.ordinal)
                for q in queued
            ]
            return waiting, list(idle)

        waiting, idle = await self.store.read(candidates)
        for chosen in scheduler.assign(waiting, idle):
            session = self.sessions.get(chosen.device)
            if session is not None:
                block_max = session.block_max
                beside = await self.store.read(lambda c, of=chosen, most=block_max: _beside(c, of.run_id, most))  # type: ignore[misc]
                await self.lease([chosen.run_id, *beside], session.incarnation)


def assign_message(outcomes: Sequence[Outcome]) -> agent_pb2.SessionResponse:
    """The offer of the live attempts of a block."""

    def member(outcome: Outcome) -> dict[str, Any]:
        run = outcome.after.run
        attempt = agent_pb2.AttemptRef(run_id=run.id, epoch=run.epoch)
        return {"attempt": attempt, "spec": run_pb2.RunSpec.FromString(outcome.spec)}

    first, *others = outcomes
    assign = agent_pb2.Assign(
        campaign_id=first.campaign_id,
        campaign_name=first.campaign_name,
        companions=[agent_pb2.Companion(**member(outcome)) for outcome in others],
        **member(first),
    )
    return agent_pb2.SessionResponse(assign=assign)


def _beside(connection: Connection, run_id: str, block_max: int) -> list[str]:
    """The queued runs to lease together with one."""
    if block_max <= 1:
        return []
    head = connection.execute(select(t.run).where(t.run.c.id == run_id)).one()
    if 0 < head.attempts >= head.max_attempts - 1:
        return []  # whatever took the agent with it before must not take the last try of all others, too
    query = (
        select(t.run.c.id, t.run.c.spec)
        .where(
            t.run.c.campaign == head.campaign,
            t.run.c.device == head.device,
            t.run.c.state == "queued",
            t.run.c.ordinal > head.ordinal,
            t.run.c.attempts == head.attempts,  # what has failed before is tried again with its like
        )
        .order_by(t.run.c.ordinal)
        .limit(blocks.SEARCHED_MAX)
    )
    facts = connection.execute(
        select(t.device.c.inventory_json).where(t.device.c.name == head.device)
    ).scalar_one_or_none()
    specs = [(row.id, _spec(row.spec)) for row in connection.execute(query)]
    first = _spec(head.spec)
    if first is None:
        return []  # of a newer controller's state: the agent will say what it cannot read
    return blocks.together(
        first,
        [(run, spec) for run, spec in specs if spec is not None],
        members_max=block_max,
        memory_bytes=int(json.loads(facts or "{}").get("memory_bytes", 0)),
    )


def _spec(payload: bytes) -> RunSpec | None:
    try:
        return wire.runspec_from_wire(run_pb2.RunSpec.FromString(payload))
    except (BenchfleetError, DecodeError):
        return None


def _block_of(connection: Connection, run_id: str) -> list[tuple[str, int]]:
    """(run, epoch) of the live attempts leased together with a run's, its own first."""
    own = connection.execute(
        select(t.attempt.c.block, t.attempt.c.epoch, t.attempt.c.device).where(
            t.attempt.c.run == run_id, t.attempt.c.holds_device
        )
    ).first()
    if own is None:
        return []
    query = select(t.attempt.c.run, t.attempt.c.epoch).where(
        t.attempt.c.device == own.device, t.attempt.c.block == own.block, t.attempt.c.holds_device,
        t.attempt.c.block != "", t.attempt.c.run != run_id,
    )  # fmt: skip
    return [(run_id, own.epoch), *((run, epoch) for run, epoch in connection.execute(query))]


def _waiting_devices(connection: Connection) -> Sequence[Any]:
    query = (
        select(t.run.c.device, t.run.c.state, t.run.c.reason, t.device.c.admission)
        .join(t.device, t.device.c.name == t.run.c.device)
        .where(t.run.c.state.in_(machine.WAITING))
        .distinct()
    )
    return connection.execute(query).all()


def _waiting_runs(connection: Connection, device: str, state: str, reason: str) -> Sequence[str]:
    query = (
        select(t.run.c.id)
        .where(t.run.c.device == device, t.run.c.state == state, t.run.c.reason == reason)
        .limit(BARRED_PER_SWEEP)
    )
    return connection.execute(query).scalars().all()


def _left_of_cancelled(connection: Connection) -> Sequence[str]:
    query = (
        select(t.run.c.id)
        .join(t.campaign, t.campaign.c.id == t.run.c.campaign)
        .where(t.campaign.c.state == "cancelled", t.run.c.state.not_in(ENDED))
    )
    return connection.execute(query).scalars().all()


def _holding(connection: Connection) -> Sequence[str]:
    return connection.execute(select(t.attempt.c.run).where(t.attempt.c.holds_device)).scalars().all()


def _apply(connection: Connection, run_id: str, event: machine.Event, now_s: float, now_utc_s: float) -> Outcome | None:
    before = rows.load(connection, run_id)
    if before is None:
        return None
    if isinstance(event, machine.Lease) and _device_held(connection, before.run.device, event.block):
        after, actions = before, NO_ACTIONS
    else:
        after, actions = machine.step(before, event, now_s)
    rows.save(connection, before, after)
    about = connection.execute(
        select(t.run.c.spec, t.campaign.c.id, t.campaign.c.name)
        .join(t.campaign, t.campaign.c.id == t.run.c.campaign)
        .where(t.run.c.id == run_id)
    ).one()
    if after.run.state != before.run.state:
        settle_campaign(connection, about.id, now_utc_s)
        audit.record(
            connection,
            now_utc_s=now_utc_s,
            actor="controller",
            action=f"run.{after.run.state}",
            subject=run_id,
            detail=after.run.reason,
        )
    return Outcome(before, after, actions, about.id, about.name, about.spec)


def _device_held(connection: Connection, device: str, block: str) -> bool:
    """Whether an attempt of another block holds the device."""
    held = (
        select(func.count())
        .select_from(t.attempt)
        .where(t.attempt.c.device == device, t.attempt.c.holds_device, t.attempt.c.block != block)
    )
    return bool(connection.execute(held).scalar_one())


def settle_campaign(connection: Connection, campaign_id: str, now_utc_s: float) -> None:
    """The campaign's state from the states of its runs."""
    counted = connection.execute(
        select(t.run.c.state, func.count()).where(t.run.c.campaign == campaign_id).group_by(t.run.c.state)
    )
    counts: dict[str, int] = dict(iter(counted))
    total, ended = sum(counts.values()), sum(counts.get(s, 0) for s in ENDED)
    held = connection.execute(select(t.campaign.c.state).where(t.campaign.c.id == campaign_id)).scalar_one()
    if held == "cancelled":
        state = "cancelled"
    elif ended == total:
        state = "completed" if counts.get("succeeded", 0) == total else "completed_with_failures"
    else:
        state = "queued" if sum(counts.get(s, 0) for s in machine.WAITING) == total else "running"
    ended_utc_s = now_utc_s if ended == total else None
    connection.execute(
        update(t.campaign).where(t.campaign.c.id == campaign_id).values(state=state, ended_utc_s=ended_utc_s)
    )
