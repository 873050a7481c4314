"""The daemon: keeps a session open, does what the state machine decides, and delivers what is spooled."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc

from benchfleet.agent import certificates, identity, incarnation
from benchfleet.agent.cache import LIMIT_BYTES, Cache
from benchfleet.agent.sampler import Sampler
from benchfleet.agent.session import machine, messages
from benchfleet.agent.session.link import Outbound, Transfers, channel
from benchfleet.agent.session.machine import Ref
from benchfleet.agent.spool import Entry, Spool
from benchfleet.agent.worker import Worker
from benchfleet.core import wire
from benchfleet.core.clock import Clock, SystemClock
from benchfleet.core.errors import BenchfleetError, DocumentError
from benchfleet.core.inventory import Inventory
from benchfleet.core.status import error_of
from benchfleet.v1 import agent_pb2
from benchfleet.v1.agent_pb2_grpc import AgentServiceStub

log = logging.getLogger(__name__)

BACKOFF_MAX_S = 30.0
MISSED_MAX = 3
WELCOME_TIMEOUT_S = 20.0
DRAIN_S = 25.0
REPORT_RETRY_S = 2.0
RENEW_CHECK_S = 60.0
TICK_S = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What `benchfleet-agent run` is told."""

    state: Path
    inventory: Inventory
    controller: str | None = None
    cache_limit_bytes: int = LIMIT_BYTES


class Daemon:
    """Run it once; `stop` ends it cleanly."""

    def __init__(self, settings: Settings, clock: Clock | None = None) -> None:
        self.clock = clock or SystemClock()
        found = identity.load(settings.state)
        certificates.check(found.certificate_pem)
        self.identity = replace(found, controller=settings.controller) if settings.controller else found
        self.settings, self.inventory = settings, settings.inventory
        self.instance = incarnation.begin(settings.state)
        self.spool = Spool(settings.state / "spool")
        self.sampler = Sampler()
        self.worker = Worker(
            settings.state,
            Cache(settings.state / "cache", settings.cache_limit_bytes),
            self.spool,
            self.sampler,
            self.inventory,
            self.clock,
        )
        self.machine = machine.State()
        self.outbound: Outbound | None = None
        self.transfers = Transfers(self.identity)
        self._stops: dict[Ref, asyncio.Event] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._report = asyncio.Event()
        self._ending = asyncio.Event()
        self._ttl_s = 30.0
        self._random = random.Random()

    def stop(self) -> None:
        """Asks for a clean end: the attempt is stopped, then Bye."""
        self._ending.set()

    async def run(self) -> None:
        """Until stopped, or until the controller says that this agent is not wanted any more."""
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

    async def _sessions(self) -> None:
        failures = 0
        while not self._ending.is_set():
            welcomed = False
            try:
                welcomed = await self._session()
            except grpc.aio.AioRpcError as error:
                metadata: Any = error.trailing_metadata()  # pairs, whatever the stubs say
                said = error_of(error.code().name, error.details(), metadata, peer=self._peer)
                log.warning("session event=ended error=%s", said)
                if said.reason in ("CERTIFICATE_REVOKED", "NOT_ENROLLED", "CLONED", "PROTOCOL_VERSION"):
                    raise said from error
                certificates.check(self.identity.certificate_pem)
            except (asyncio.TimeoutError, ConnectionError) as error:
                log.warning("session event=lost peer=%s error=%s", self._peer, error or "no answer in time")
            failures = 0 if welcomed else failures + 1
            wait_s = self._random.uniform(0, min(BACKOFF_MAX_S, 2.0**failures))
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._ending.wait(), wait_s)

    @property
    def _peer(self) -> str:
        return self.identity.controller

    async def _session(self) -> bool:
        """One stream from hello to its end; whether the controller welcomed it."""
        async with channel(self.identity) as line:
            outbound = Outbound()
            spooled = [Ref(e.run_id, e.epoch) for e in self.spool.entries()]
            outbound.send(messages.hello(self.instance, self.inventory, self._active(), spooled, self.clock.utc()))
            call = AgentServiceStub(line).Session(outbound.messages())
            first = await asyncio.wait_for(call.read(), WELCOME_TIMEOUT_S)
            if first is grpc.aio.EOF or first.WhichOneof("message") != "welcome":  # type: ignore[attr-defined]
                await call  # raises what the controller said
                return False
            welcome = first.welcome
            self._ttl_s = welcome.lease_ttl_ms / 1000
            self.outbound = outbound
            self._report.set()
            log.info("session event=open controller=%s version=%s", self._peer, welcome.controller_version)
            try:
                await self._converse(call, outbound, welcome.heartbeat_interval_ms / 1000)
            finally:
                self.outbound = None
                call.cancel()
            return True

    async def _converse(self, call: Any, outbound: Outbound, beat_s: float) -> None:
        sent: dict[int, tuple[float, frozenset[Ref]]] = {}
        beats = asyncio.create_task(self._beat(outbound, beat_s, sent))
        ending = asyncio.create_task(self._ending.wait())
        try:
            while True:
                reading = asyncio.ensure_future(call.read())
                done, _ = await asyncio.wait(
                    {reading, beats, ending}, timeout=beat_s * MISSED_MAX, return_when=asyncio.FIRST_COMPLETED
                )
                if ending in done:
                    reading.cancel()
                    await self._leave(outbound)
                    return
                if not done or beats in done:
                    reading.cancel()
                    raise asyncio.TimeoutError
                message = reading.result()
                if message is grpc.aio.EOF:  # type: ignore[attr-defined]
                    await call
                    return
                self._receive(message, sent)
        finally:
            for task in (beats, ending):
                task.cancel()

    def _receive(self, message: agent_pb2.SessionResponse, sent: dict[int, tuple[float, frozenset[Ref]]]) -> None:
        kind = message.WhichOneof("message")
        if kind == "assign":
            found = message.assign.attempt
            of = Ref(found.run_id, found.epoch)
            try:
                spec = wire.runspec_from_wire(message.assign.spec)
            except DocumentError as error:
                log.warning("assign event=refused run=%s error=%s", of.run_id, error)
                self._send(messages.progress(of, machine.STOPPED))
                return
            self._step(machine.Offered(offer=machine.Offer(ref=of, spec=spec), ttl_s=self._ttl_s))
        elif kind == "cancel":
            found = message.cancel.attempt
            self._step(machine.Cancelled(ref=Ref(found.run_id, found.epoch)))
        elif kind == "ack":
            answered = sent.pop(message.ack.heartbeat_seq, None)
            if answered is not None:
                self._step(machine.Renewed(sent_s=answered[0], refs=answered[1], ttl_s=self._ttl_s))
        elif kind == "go_away" and message.go_away.final:
            log.error("session event=go_away reason=%s detail=%s", message.go_away.reason, message.go_away.detail)
            self._ending.set()

    async def _beat(self, outbound: Outbound, beat_s: float, sent: dict[int, tuple[float, frozenset[Ref]]]) -> None:
        seq = 0
        while True:
            seq += 1
            active = frozenset(self._active())
            sent[seq] = (self.clock.boottime_s(), active)
            if len(sent) > MISSED_MAX or not outbound.send(
                messages.heartbeat(seq, active, self.sampler.latest(), self.clock.utc())
            ):
                return
            await asyncio.sleep(beat_s)

    async def _leave(self, outbound: Outbound) -> None:
        self._step(machine.Draining())
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(asyncio.gather(*self._tasks, return_exceptions=True), DRAIN_S)
        await asyncio.sleep(0)
        outbound.send(messages.bye("stopped"))
        outbound.finish()
        await asyncio.sleep(0.1)  # lets the writer hand over; a Bye that is lost costs a lease and no result

    def _active(self) -> list[Ref]:
        return [self.machine.active.ref] if self.machine.active is not None else []

    def _send(self, message: agent_pb2.SessionRequest) -> None:
        if self.outbound is not None:
            self.outbound.send(message)

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
        self._stops[offer.ref] = stop
        task = asyncio.create_task(self._attempt(offer, stop))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _attempt(self, offer: machine.Offer, stop: asyncio.Event) -> None:
        entry: Entry | None = None
        try:
            entry = await self.worker.run(
                offer,
                self.transfers.fetch,
                incarnation=self.instance.incarnation,
                stop=stop,
                deadline_s=lambda: self.machine.deadline_s,
                progress=lambda phase, fraction, note: self._send(messages.progress(offer.ref, phase, fraction, note)),
            )
        except (BenchfleetError, grpc.aio.AioRpcError, OSError) as error:
            log.warning("attempt event=broken run=%s error=%s", offer.ref.run_id, error)
        finally:
            self._stops.pop(offer.ref, None)
            if entry is not None:
                self._report.set()
            self._step(machine.Ended(ref=offer.ref, spooled=entry is not None))

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
                try:
                    await self.transfers.report(entry)
                except grpc.aio.AioRpcError as error:
                    refused = error.code() in (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.PERMISSION_DENIED)
                    log.warning("report event=failed run=%s error=%s", entry.run_id, error.details())
                    if not refused:
                        break
                    self.spool.set_aside(entry)
                else:
                    self.spool.remove(entry)

    async def _renew(self) -> None:
        """A new key and certificate at half the life of the old one."""
        while True:
            start, end = certificates.lifetime(self.identity.certificate_pem)
            due = start + (end - start) / 2 + timedelta(seconds=self._random.uniform(0, 60))
            if self.clock.utc() >= due:
                try:
                    key_pem, request = certificates.key_and_request(self.identity.device)
                    certificate_pem = await self.transfers.renew(request)
                except grpc.aio.AioRpcError as error:
                    log.warning("renew event=failed error=%s", error.details())
                else:
                    self.identity = replace(self.identity, key_pem=key_pem, certificate_pem=certificate_pem)
                    identity.save(self.settings.state, self.identity)
                    old, self.transfers = self.transfers, Transfers(self.identity)
                    await old.close()
            await asyncio.sleep(RENEW_CHECK_S)
