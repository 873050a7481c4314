"""One open stream, from the welcome to its end: one reader, one heart; three unanswered beats end it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any, Protocol

import grpc

from benchfleet.agent.session import messages
from benchfleet.agent.session.link import Outbound
from benchfleet.agent.session.machine import Ref
from benchfleet.core import wire
from benchfleet.core.errors import RefusedError
from benchfleet.v1 import agent_pb2

MISSED_MAX = 3
"""Heartbeats without an answer before the stream is taken for dead, whatever else arrives on it."""

BYE_S = 2.0
"""How long a Bye may take to be heard; one that is lost costs a lease and no result."""

RETRY_AFTER_MAX_S = 3600.0
"""The longest absence a controller may ask for: a wrong number must not lose the agent."""

FINAL = frozenset(
    {
        "CERTIFICATE_REVOKED",
        "CLONED",
        "NOT_ENROLLED",
        "OLD_INCARNATION",
        "PROTOCOL_VERSION",
        "SUPERSEDED",
    }
)
"""Refusals that coming back does not change; all others are tried again."""

EOF: Any = grpc.aio.EOF  # type: ignore[attr-defined]  # the stubs leave it out
Sent = tuple[float, frozenset[Ref]]


class Away(ConnectionError):  # noqa: N818 - it is no fault: the controller asked for it
    """The controller asks the agent to come back after `retry_after_s`."""

    def __init__(self, reason: str, retry_after_s: float) -> None:
        super().__init__(f"the controller asks to come back later ({reason})")
        self.retry_after_s = min(RETRY_AFTER_MAX_S, retry_after_s)


class Heartbeats:
    """Which beats wait for an answer. An answer to one answers those before it: they arrived in order."""

    def __init__(self) -> None:
        self._sent: dict[int, Sent] = {}
        self._seq = 0

    def next(self, now_s: float, active: Iterable[Ref]) -> int | None:
        """The number of the next beat; None when MISSED_MAX wait already."""
        if len(self._sent) >= MISSED_MAX:
            return None
        self._seq += 1
        self._sent[self._seq] = (now_s, frozenset(active))
        return self._seq

    def answered(self, seq: int) -> Sent | None:
        """When the beat was sent and what it named; None for a number that does not wait."""
        found = self._sent.get(seq)
        if found is not None:
            self._sent = {number: sent for number, sent in self._sent.items() if number > seq}
        return found


class Owner(Protocol):
    """Whose session it is."""

    def beat(self, seq: int) -> agent_pb2.SessionRequest:
        """The heartbeat of this moment."""
        ...

    def active(self) -> list[Ref]:
        """What is worked on."""
        ...

    def boottime_s(self) -> float:
        """The clock that leases run on."""
        ...

    def heard(self, message: agent_pb2.SessionResponse, answered: Sent | None) -> None:
        """Assign, Cancel or Ack came."""
        ...

    async def drained(self) -> None:
        """Stops what runs; returns when nothing of it does, or after the time allowed for it."""
        ...


def check_version(welcome: agent_pb2.Welcome, peer: str) -> None:
    """RefusedError that names both versions when this agent does not speak the controller's."""
    oldest, newest = wire.OLDEST_PROTOCOL_VERSION, wire.PROTOCOL_VERSION
    if not oldest <= welcome.protocol_version <= newest:
        older = "benchfleet-agent" if welcome.protocol_version > newest else "benchfleet"
        raise RefusedError(
            f"controller {peer} speaks protocol {welcome.protocol_version}, this agent {oldest} to {newest}; "
            f"upgrade the older one: pip install --upgrade {older}",
            reason="PROTOCOL_VERSION",
        )


class Dialogue:
    """Run it once; it returns after a clean leave and raises why the stream ended otherwise."""

    def __init__(self, call: Any, outbound: Outbound, beat_s: float, owner: Owner) -> None:
        self._call, self._outbound, self._beat_s, self._owner = call, outbound, beat_s, owner
        self._beats = Heartbeats()
        self.answered = False

    async def run(self, ending: asyncio.Event) -> None:
        """Until `ending`, then Bye. ConnectionError for a stream that died, RefusedError when that is for good."""
        reader = asyncio.create_task(self._read())
        heart = asyncio.create_task(self._beat())
        stuck = asyncio.create_task(self._outbound.overflowed.wait())
        leaving = asyncio.create_task(ending.wait())
        tasks: tuple[asyncio.Task[Any], ...] = (reader, heart, stuck, leaving)
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if not leaving.done() or reader.done():
                for ended in (reader, heart):
                    if ended.done():
                        ended.result()
                raise ConnectionError("the controller does not read what is sent")
            # Beats go on meanwhile, so that the lease of what is being stopped is kept until it has stopped.
            await self._owner.drained()
            self._outbound.send(messages.bye("stopped"))
            self._outbound.finish()
            await asyncio.wait((reader,), timeout=BYE_S)
        finally:
            for task in tasks:
                task.cancel()
            self._call.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _read(self) -> None:
        """The only reader: to cancel a read of grpc is to cancel its stream."""
        while True:
            message = await self._call.read()
            if message is EOF:
                raise ConnectionError("the controller ended the session")
            if message is None:
                raise ConnectionError("the controller sent what is not a message of this protocol")
            kind = message.WhichOneof("message")
            if kind == "go_away":
                away = message.go_away
                if away.final:
                    raise RefusedError(
                        f"the controller ended this agent: {away.detail} ({away.reason})", reason=away.reason
                    )
                raise Away(away.reason, away.retry_after_ms / 1000)
            sent = None
            if kind == "ack":
                sent = self._beats.answered(message.ack.heartbeat_seq)
                self.answered = self.answered or sent is not None
            self._owner.heard(message, sent)

    async def _beat(self) -> None:
        while True:
            seq = self._beats.next(self._owner.boottime_s(), self._owner.active())
            if seq is None:
                raise ConnectionError(f"{MISSED_MAX} heartbeats were not answered")
            self._outbound.send(self._owner.beat(seq))
            await asyncio.sleep(self._beat_s)
