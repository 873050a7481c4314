"""The daemon: keeps a session open, does what the state machine decides, and delivers what is spooled."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import re
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc

from benchfleet.agent import certificates, identity, incarnation
from benchfleet.agent.cache import LIMIT_BYTES, Cache
from benchfleet.agent.env import Env
from benchfleet.agent.measure import host
from benchfleet.agent.power_switch import FOLDER, Switch
from benchfleet.agent.sampler import Sampler
from benchfleet.agent.session import machine, messages
from benchfleet.agent.session.dialogue import EOF, FINAL, Away, Dialogue, Sent, check_version
from benchfleet.agent.session.link import Outbound, Transfers, channel
from benchfleet.agent.session.machine import Ref
from benchfleet.agent.session.uplink import Uplink
from benchfleet.agent.simulate.simulation import Simulation
from benchfleet.agent.spool import Entry, Spool
from benchfleet.agent.worker import Worker
from benchfleet.core import wire
from benchfleet.core.clock import Clock, SystemClock
from benchfleet.core.errors import BenchfleetError, DocumentError, RefusedError, UnreachableError
from benchfleet.core.inventory import Inventory, SensorFacts
from benchfleet.core.status import error_of
from benchfleet.v1 import agent_pb2
from benchfleet.v1.agent_pb2_grpc import AgentServiceStub

log = logging.getLogger(__name__)

BACKOFF_MAX_S = 30.0
WELCOME_TIMEOUT_S = 20.0
DRAIN_S = 25.0
REPORT_RETRY_S = 2.0
RENEW_CHECK_S = 60.0
CLOSE_GRACE_S = 600.0
SENT_AGAIN = ("NO_SERIES", "DIGEST_MISMATCH")
"""Refusals of a report that another sending of the same bytes answers."""

PUT_BACK_S = 20.0
"""A block of another agent may take an hour; a controller waits for this device meanwhile."""

TICK_S = 0.5
BEAT_MIN_S = 0.01
"""A controller that asks for more beats than this is mistaken, and would only be flooded."""

SENSORS_MAX = 500
"""Listed in a hello: a server of 256 cores and eight GPUs has about as many; a message has its limits."""
_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What `benchfleet-agent run` is told."""

    state: Path
    inventory: Inventory
    controller: str | None = None
    cache_limit_bytes: int = LIMIT_BYTES
    simulate_power: Path | None = None
    temperature_limit_c: float | None = None
    simulation: Simulation | None = None
    env: Env | None = None
    allow_power_modes: bool = False


class Daemon:
    """Run it once; `stop` ends it cleanly."""

    def __init__(self, settings: Settings, clock: Clock | None = None, rng: random.Random | None = None) -> None:
        self.clock = clock or SystemClock()
        found = identity.load(settings.state)
        self.certificates = certificates.Aside()
        self.certificates.check(found.certificate_pem)
        self.identity = replace(found, controller=settings.controller) if settings.controller else found
        self.settings = settings
        board = settings.simulation
        env = board.env if board else settings.env
        kept = board.folder if board else settings.state  # a simulated board's setting is never put back on a real one
        self.power = Switch(env, kept / FOLDER, allowed=settings.allow_power_modes)
        self.inventory = self.power.told(settings.inventory)
        self.instance = incarnation.begin(settings.state)
        self.spool = Spool(settings.state / "spool")
        self.sampler = Sampler(env, simulate=settings.simulate_power)
        self.worker = Worker(
            settings.state,
            Cache(settings.state / "cache", settings.cache_limit_bytes),
            self.spool,
            self.sampler,
            self.inventory,
            self.clock,
            settings.temperature_limit_c,
            board.told() if board else None,
            self.power,
        )
        self.machine = machine.State()
        self.outbound: Outbound | None = None
        self._dialogue: Dialogue | None = None
        self._random = rng or random.Random()
        self.transfers = Transfers(self.identity, self._random.uniform)
        self._stops: dict[Ref, asyncio.Event] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._closing: set[asyncio.Task[None]] = set()
        self._report = asyncio.Event()
        self._reporting = False
        self._ending = asyncio.Event()
        self._ttl_s = 30.0

    def stop(self) -> None:
        """Asks for a clean end: the attempt is stopped, then Bye."""
        self._ending.set()

    async def run(self) -> None:
        """Until stopped, or until the controller says that this agent is not wanted any more."""
        await self._put_back()
        self.sampler.start()
        helpers = [asyncio.create_task(loop()) for loop in (self._deliver, self._tick, self._renew)]
        try:
            await self._sessions()
        finally:
            for helper in helpers:
                helper.cancel()
            await asyncio.gather(*helpers, return_exceptions=True)
            for stop in self._stops.values():
                stop.set()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            self.sampler.stop()
            await self.transfers.close()

    async def _put_back(self) -> None:
        """The power mode that a killed agent left is undone before the controller hears of this device.

        It takes the turn of the host, since another agent may measure; what cannot wait is done before the next run.
        """
        over = asyncio.Event()
        timer = asyncio.get_running_loop().call_later(PUT_BACK_S, over.set)
        async with host.turn(over):
            if over.is_set():
                log.warning("power_mode event=waits error=another agent of this host measures; it is put back later")
            else:
                await asyncio.to_thread(self.power.put_back)
        timer.cancel()
        self.inventory = self.power.told(self.inventory)

    async def _sessions(self) -> None:
        failures = 0
        while not self._ending.is_set():
            after_s = 0.0
            try:
                await self._session()
            except grpc.aio.AioRpcError as error:
                metadata: Any = error.trailing_metadata()  # pairs, whatever the stubs say
                said = error_of(error.code().name, error.details(), metadata, peer=self._peer)
                log.warning("session event=ended error=%s", said)
                if said.reason in FINAL:
                    raise RefusedError(str(said), reason=said.reason) from error
                self.certificates.check(self.identity.certificate_pem)
            except Away as away:
                after_s = away.retry_after_s
                log.warning("session event=away peer=%s error=%s", self._peer, away)
            except (asyncio.TimeoutError, ConnectionError) as error:
                log.warning("session event=lost peer=%s error=%s", self._peer, error or "no answer in time")
            failures = 0 if self._dialogue is not None and self._dialogue.answered else failures + 1
            self._dialogue = None
            wait_s = after_s + self._random.uniform(0, max(after_s / 2, min(BACKOFF_MAX_S, 2.0**failures)))
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._ending.wait(), wait_s)

    @property
    def _peer(self) -> str:
        return self.identity.controller

    def _described(self) -> Inventory:
        """The inventory with the sensors of now: some appear late in a boot."""
        listed = sorted(self.sampler.sensors.values(), key=lambda sensor: sensor.id)[:SENSORS_MAX]
        return replace(self.inventory, sensors=tuple(SensorFacts(id=s.id, kind=s.kind, scope=s.scope) for s in listed))

    async def _session(self) -> None:
        """One stream from hello to its end."""
        async with channel(self.identity) as line:
            outbound = Outbound()
            spooled = [Ref(e.run_id, e.epoch) for e in self.spool.entries()]
            outbound.send(messages.hello(self.instance, self._described(), self.active(), spooled, self.clock.utc()))
            call: Any = AgentServiceStub(line).Session()
            side = [asyncio.create_task(outbound.write_to(call))]
            try:
                first = await asyncio.wait_for(call.read(), WELCOME_TIMEOUT_S)
                if first is EOF or first is None or first.WhichOneof("message") != "welcome":
                    raise ConnectionError("the controller did not answer the hello with a welcome")
                welcome = first.welcome
                check_version(welcome, self._peer)
                self._ttl_s = welcome.lease_ttl_ms / 1000
                self.outbound = outbound
                self._report.set()
                log.info("session event=open controller=%s version=%s", self._peer, welcome.controller_version)
                beat_s = max(BEAT_MIN_S, welcome.heartbeat_interval_ms / 1000)
                self._dialogue = Dialogue(call, outbound, beat_s, self)
                live = Uplink(self.sampler, outbound, self.clock)
                side.append(
                    asyncio.create_task(live.run(welcome.telemetry_interval_ms, self.active, lambda: self._reporting))
                )
                await self._dialogue.run(self._ending)
            finally:
                self.outbound = None
                call.cancel()
                for task in side:
                    task.cancel()
                await asyncio.gather(*side, return_exceptions=True)

    def beat(self, seq: int) -> agent_pb2.SessionRequest:
        """The heartbeat of this moment."""
        return messages.heartbeat(seq, self.active(), self.sampler.latest(), self.clock.utc())

    def boottime_s(self) -> float:
        """The clock that leases run on."""
        return self.clock.boottime_s()

    def heard(self, message: agent_pb2.SessionResponse, answered: Sent | None) -> None:
        """What the controller says of attempts; a kind that is not known is of a newer controller, and passed over."""
        kind = message.WhichOneof("message")
        if kind == "assign":
            self._offered(message.assign)
        elif kind == "cancel":
            found = message.cancel.attempt
            self._step(machine.Cancelled(ref=Ref(found.run_id, found.epoch)))
        elif answered is not None:
            self._step(machine.Renewed(sent_s=answered[0], refs=answered[1], ttl_s=self._ttl_s))

    def _offered(self, assign: agent_pb2.Assign) -> None:
        wanted = [(assign.attempt, assign.spec), *((each.attempt, each.spec) for each in assign.companions)]
        members = []
        for attempt, said in wanted:
            of = Ref(attempt.run_id, attempt.epoch)
            if not _RUN_ID.fullmatch(of.run_id):  # it becomes the name of a folder
                log.warning("assign event=refused run=%r error=not a run id", of.run_id[:80])
                continue
            try:
                members.append(machine.Member(ref=of, spec=wire.runspec_from_wire(said)))
            except DocumentError as error:
                log.warning("assign event=refused run=%s error=%s", of.run_id, error)
                self._send(messages.progress(of, machine.STOPPED))
        if members:
            self._step(machine.Offered(offer=machine.Offer(members=tuple(members)), ttl_s=self._ttl_s))

    async def drained(self) -> None:
        """Stops what runs; returns when nothing of it does, or after DRAIN_S."""
        self._step(machine.Draining())
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=DRAIN_S)

    def active(self) -> list[Ref]:
        """What is worked on; of what waits in the spool the controller may have the result already."""
        return list(self.machine.working)

    def _send(self, message: agent_pb2.SessionRequest) -> None:
        if self.outbound is not None:
            try:
                self.outbound.send(message)
            except DocumentError as error:
                log.warning("session event=not_sent error=%s", error)

    def _step(self, event: machine.Event) -> None:
        self.machine, actions = machine.step(self.machine, event, self.clock.boottime_s())
        for action in actions:
            if isinstance(action, machine.Start):
                self._start(action.offer)
            elif isinstance(action, machine.Stop):
                log.warning("attempt event=stop run=%s why=%s", action.ref.run_id, action.why)
                if action.ref in self._stops:
                    self._stops[action.ref].set()
            else:
                self._send(messages.progress(action.ref, action.phase))

    def _start(self, offer: machine.Offer) -> None:
        stop = asyncio.Event()
        self._stops[offer.refs[0]] = stop
        task = asyncio.create_task(self._block(offer, stop))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _block(self, offer: machine.Offer, stop: asyncio.Event) -> None:
        spooled: list[Entry] = []
        pace = messages.Pace()

        def progress(phase: str, fraction: float, note: str) -> None:
            if pace.due(phase, self.clock.monotonic_s()):
                for of in self.active():
                    self._send(messages.progress(of, phase, fraction, note))

        try:
            spooled = await self.worker.run(
                offer,
                self.transfers.fetch,
                incarnation=self.instance.incarnation,
                stop=stop,
                deadline_s=lambda: self.machine.deadline_s,
                progress=progress,
                spooled=lambda of: self._step(machine.Spooled(ref=of)),
            )
        except (BenchfleetError, grpc.aio.AioRpcError, OSError) as error:
            log.warning("attempt event=broken run=%s error=%s", offer.refs[0].run_id, error)
        finally:
            self._stops.pop(offer.refs[0], None)
            if spooled:
                self._report.set()
            refs = frozenset(Ref(entry.run_id, entry.epoch) for entry in spooled)
            self._step(machine.Ended(refs=offer.refs, spooled=refs))

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            self._step(machine.Tick())

    async def _deliver(self) -> None:
        """Each spooled result until it is answered; one that is refused for good is set aside, and kept."""
        while True:
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._report.wait(), REPORT_RETRY_S)
            self._report.clear()
            if self.outbound is None:
                continue
            for entry in list(self.spool.entries()):
                self._reporting = True
                try:
                    await self.transfers.report(entry)
                except grpc.aio.AioRpcError as error:
                    metadata: Any = error.trailing_metadata()  # pairs, whatever the stubs say
                    said = error_of(error.code().name, error.details(), metadata, peer=self._peer)
                    log.warning("report event=failed run=%s error=%s", entry.run_id, said)
                    if (
                        isinstance(said, DocumentError) and said.reason not in SENT_AGAIN
                    ) or said.reason == "NOT_YOURS":
                        self.spool.set_aside(entry)
                    elif isinstance(said, UnreachableError):
                        break
                except OSError as error:  # of this entry's series: it must not hold up the others
                    log.warning("report event=failed run=%s error=%s", entry.run_id, error)
                else:
                    self.spool.remove(entry)
                finally:
                    self._reporting = False

    async def _renew(self) -> None:
        """A new key and certificate at half the life of the old one."""
        while True:
            start, end = await asyncio.to_thread(self.certificates.lifetime, self.identity.certificate_pem)
            due = start + (end - start) / 2 + timedelta(seconds=self._random.uniform(0, 60))
            if self.clock.utc() >= due:
                try:
                    key_pem, request = await asyncio.to_thread(self.certificates.key_and_request, self.identity.device)
                    certificate_pem = await self.transfers.renew(request)
                except (grpc.aio.AioRpcError, BenchfleetError) as error:
                    said = error.details() if isinstance(error, grpc.aio.AioRpcError) else error
                    log.warning("renew event=failed error=%s", said)
                else:
                    self.identity = replace(self.identity, key_pem=key_pem, certificate_pem=certificate_pem)
                    identity.save(self.settings.state, self.identity)
                    old, self.transfers = self.transfers, Transfers(self.identity, self._random.uniform)
                    # What is on its way on the old channel gets through; an open session lives on by itself.
                    closing = asyncio.create_task(old.close(CLOSE_GRACE_S))
                    self._closing.add(closing)
                    closing.add_done_callback(self._closing.discard)
            await asyncio.sleep(RENEW_CHECK_S)
