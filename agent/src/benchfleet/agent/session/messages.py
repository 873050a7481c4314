"""Messages up, made of domain values."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from benchfleet.agent.incarnation import Instance
from benchfleet.agent.sensors import Reading, Sensor
from benchfleet.agent.session.machine import Ref
from benchfleet.core import wire
from benchfleet.core.inventory import Inventory
from benchfleet.core.text import utf8
from benchfleet.v1 import agent_pb2

PROGRESS_S = 0.5
"""A watcher sees no more, and each message of a block is one write of the controller per attempt."""


def ref(of: Ref) -> agent_pb2.AttemptRef:
    """An attempt on the wire."""
    return agent_pb2.AttemptRef(run_id=of.run_id, epoch=of.epoch)


def hello(
    instance: Instance, inventory: Inventory, active: Iterable[Ref], spooled: Iterable[Ref], now: datetime
) -> agent_pb2.SessionRequest:
    """The first message of a session."""
    message = agent_pb2.Hello(
        protocol_version=wire.PROTOCOL_VERSION,
        agent_version=inventory.agent_version,
        incarnation=instance.incarnation,
        instance_id=instance.instance_id,
        inventory=wire.inventory_to_wire(inventory),
        active=[ref(each) for each in active],
        spooled=[ref(each) for each in spooled],
        block_max=wire.BLOCK_MAX,
    )
    message.device_time.FromDatetime(now)
    return agent_pb2.SessionRequest(hello=message)


def heartbeat(
    seq: int, active: Iterable[Ref], gauges: Iterable[tuple[Sensor, Reading]], now: datetime
) -> agent_pb2.SessionRequest:
    """With the newest reading of every sensor."""
    message = agent_pb2.Heartbeat(
        seq=seq,
        active=[ref(each) for each in active],
        gauges=[
            agent_pb2.GaugeReading(
                sensor=sensor.id, kind=sensor.kind, scope=sensor.scope, value=reading.number, quality=reading.quality
            )
            for sensor, reading in gauges
            if not isinstance(reading.value, str)
        ],
    )
    message.device_time.FromDatetime(now)
    return agent_pb2.SessionRequest(heartbeat=message)


def progress(of: Ref, phase: str, fraction: float = 0.0, note: str = "") -> agent_pb2.SessionRequest:
    """Where an attempt is."""
    message = agent_pb2.Progress(
        attempt=ref(of),
        phase=f"PHASE_{phase.upper()}",
        fraction=min(1.0, max(0.0, fraction)),
        note=utf8(note[:200]),
    )
    return agent_pb2.SessionRequest(progress=message)


def bye(reason: str) -> agent_pb2.SessionRequest:
    """A clean end."""
    return agent_pb2.SessionRequest(bye=agent_pb2.Bye(reason=utf8(reason)))


class Pace:
    """How often progress is worth a message: at each new phase, and at most once in PROGRESS_S within one."""

    def __init__(self) -> None:
        self._phase, self._after_s = "", 0.0

    def due(self, phase: str, now_s: float) -> bool:
        """Whether to send now."""
        if phase == self._phase and now_s < self._after_s:
            return False
        self._phase, self._after_s = phase, now_s + PROGRESS_S
        return True
