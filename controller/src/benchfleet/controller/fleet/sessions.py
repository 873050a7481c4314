"""The live sessions: one per device, one writer per stream, bounded queues, the newest incarnation wins."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field

from benchfleet.controller.fleet.readings import Readings
from benchfleet.v1 import agent_pb2

QUEUE_MESSAGES_MAX = 64
"""An agent that does not read for so long is closed, before its messages fill the controller's memory."""

WRITE_TIMEOUT_S = 10.0


@dataclass(slots=True)
class LiveSession:
    """One open stream."""

    device: str
    incarnation: int
    instance_id: str
    block_max: int = 1
    outbound: asyncio.Queue[agent_pb2.SessionResponse | None] = field(
        default_factory=lambda: asyncio.Queue(QUEUE_MESSAGES_MAX)
    )
    progress: dict[str, tuple[int, float]] = field(default_factory=dict)
    closed: bool = False
    readings: Readings = field(init=False)

    def __post_init__(self) -> None:
        self.readings = Readings(self.device)

    def send(self, message: agent_pb2.SessionResponse) -> bool:
        """Queues a message; False, and the session ends, when the agent does not read."""
        if self.closed:
            return False
        try:
            self.outbound.put_nowait(message)
        except asyncio.QueueFull:
            self.close()
            return False
        return True

    def progressed(self, run_id: str, phase: int, fraction: float) -> None:
        """Keeps where the runs of the newest block are."""
        self.progress.pop(run_id, None)
        self.progress[run_id] = (phase, fraction)
        while len(self.progress) > self.block_max:
            del self.progress[next(iter(self.progress))]

    def close(self) -> None:
        """Ends the writer after what is queued, or at once when the queue is full."""
        if not self.closed:
            self.closed = True
            with contextlib.suppress(asyncio.QueueFull):
                self.outbound.put_nowait(None)


class Sessions:
    """All live sessions of this controller."""

    def __init__(self) -> None:
        self._by_device: dict[str, LiveSession] = {}

    def open(self, session: LiveSession) -> bool:
        """Makes a session the device's; an older one is fenced. False when a newer one is already there."""
        held = self._by_device.get(session.device)
        if held is not None:
            if held.incarnation > session.incarnation:
                return False
            other = held.instance_id != session.instance_id
            held.send(_go_away("SUPERSEDED", "a newer session of this device has come", final=other))
            held.close()
        self._by_device[session.device] = session
        return True

    def forget(self, session: LiveSession) -> bool:
        """Drops a session that has ended; whether it was still the device's."""
        session.close()
        if self._by_device.get(session.device) is session:
            del self._by_device[session.device]
            return True
        return False

    def get(self, device: str) -> LiveSession | None:
        """The device's session, if it has one."""
        return self._by_device.get(device)

    def online(self) -> list[str]:
        """Devices with a session."""
        return sorted(self._by_device)

    def send(self, device: str, message: agent_pb2.SessionResponse) -> bool:
        """Sends to a device; False when it has no session."""
        session = self._by_device.get(device)
        return session is not None and session.send(message)

    def end(self, device: str, reason: str, *, final: bool) -> None:
        """Tells an agent to go and ends its session."""
        session = self._by_device.pop(device, None)
        if session is not None:
            session.send(_go_away("ENDED", reason, final=final))
            session.close()

    def readings(self) -> dict[str, Readings]:
        """The newest readings of every connected device; those of a device that left went with it."""
        return {name: session.readings for name, session in self._by_device.items()}


def _go_away(reason: str, detail: str, *, final: bool) -> agent_pb2.SessionResponse:
    away = agent_pb2.GoAway(reason=reason, detail=detail, retry_after_ms=1000, final=final)
    return agent_pb2.SessionResponse(go_away=away)
