"""Live telemetry up: what the sampler has read since the last batch, as columns, while something is measured.

The sampler's own buffer is the queue. What cannot be sent stays there until it is older than BACKLOG_TICKS readings of
all sensors; then it is left out and counted. So a controller that does not read costs no memory, beats and progress
always find room, and results, which have a channel of their own, are never behind telemetry on a slow line.
"""

from __future__ import annotations

import asyncio
import logging
import time
from array import array
from collections.abc import Callable, Iterable
from typing import Protocol

from benchfleet.agent.sampler import Ticks
from benchfleet.agent.sensors import Sensor
from benchfleet.agent.session import messages
from benchfleet.agent.session.link import OUTBOUND_BYTES_MAX, Outbound
from benchfleet.agent.session.machine import Ref
from benchfleet.core import wire_telemetry
from benchfleet.core.clock import Clock
from benchfleet.core.wire_telemetry import Block, Column
from benchfleet.v1 import agent_pb2

log = logging.getLogger(__name__)

INTERVAL_MIN_S, INTERVAL_MAX_S = 0.1, 60.0
"""Of what a controller may ask for; below, the batches themselves would disturb the measurement."""

BACKLOG_TICKS = 300
"""Half a minute at 10 Hz: what a controller that was restarted is still told of."""

BATCH_BYTES_MAX = OUTBOUND_BYTES_MAX // 2
"""So that a batch can be offered at all; far below the 1 MiB that are taken."""


class Source(Protocol):
    """The sampler, as the session sees it."""

    sensors: dict[str, Sensor]

    def since(self, after_ns: int, ticks_max: int) -> Ticks:
        """What was read after a time."""
        ...


class Uplink:
    """Of one session: names each series once, numbers its batches, knows what was left out."""

    def __init__(self, source: Source, outbound: Outbound, clock: Clock) -> None:
        self._source, self._outbound, self._clock = source, outbound, clock
        self._ids: dict[str, int] = {}
        self._kinds: dict[int, str] = {}
        self._named: set[int] = set()
        self._after_ns = time.monotonic_ns()
        self._seq = 0
        self.dropped = 0

    async def run(self, interval_ms: int, active: Callable[[], list[Ref]], busy: Callable[[], bool]) -> None:
        """A batch each interval, until cancelled; none while `busy`, none at all when the controller wants none."""
        if not interval_ms:
            return
        interval_s = min(INTERVAL_MAX_S, max(INTERVAL_MIN_S, interval_ms / 1000))
        while True:
            await asyncio.sleep(interval_s)
            attempts = active()
            self.pump(attempts[0] if attempts else None, busy())

    def pump(self, attempt: Ref | None, busy: bool = False) -> None:
        """Sends what was read since the last batch; what does not go now goes later, or is left out and counted."""
        self._number()
        ticks = self._source.since(self._after_ns, BACKLOG_TICKS)
        if ticks.skipped:
            if not self.dropped:
                log.warning("telemetry event=dropped ticks=%d why=the controller does not read", ticks.skipped)
            self.dropped += ticks.skipped
            self._after_ns = ticks.times_ns[0] - 1
        if not busy:
            self._send(ticks, attempt, 0, len(ticks.times_ns))

    def _number(self) -> None:
        """Sensors that appeared since: a device's own may come late in its boot."""
        for sensor in list(self._source.sensors.values()):
            if sensor.id not in self._ids and len(self._ids) < wire_telemetry.SERIES_MAX:
                self._ids[sensor.id] = len(self._ids) + 1
                self._kinds[self._ids[sensor.id]] = sensor.kind

    def _send(self, ticks: Ticks, attempt: Ref | None, start: int, end: int) -> bool:
        """The readings from `start` to `end`, in two halves where they are too large for one batch."""
        if start == end:
            return True
        message = self._message(ticks, attempt, start, end)
        if message.ByteSize() > BATCH_BYTES_MAX or end - start > wire_telemetry.STAMPS_MAX:
            middle = (start + end) // 2
            if middle == start:
                log.warning("telemetry event=dropped ticks=1 why=a batch of one reading is too large")
                self.dropped += 1
                self._after_ns = ticks.times_ns[start]
                return True
            return self._send(ticks, attempt, start, middle) and self._send(ticks, attempt, middle, end)
        if not self._outbound.offer(message):
            return False
        self._seq += 1
        self._named.update(definition.series_id for definition in message.telemetry.definitions)
        self._after_ns = ticks.times_ns[end - 1]
        return True

    def _message(self, ticks: Ticks, attempt: Ref | None, start: int, end: int) -> agent_pb2.SessionRequest:
        columns = {}
        for sensor_id, values in ticks.columns.items():
            column = _part(values, ticks.newest[sensor_id], start, end)
            if column is not None and sensor_id in self._ids:
                columns[self._ids[sensor_id]] = column
        times_ns = ticks.times_ns[start:end]
        batch = wire_telemetry.to_wire(
            Block(times_ns=times_ns, columns=columns),
            self._kinds,
            start_utc_ns=round(self._clock.utc().timestamp() * 1e9) - (time.monotonic_ns() - times_ns[0]),
        )
        batch.seq, batch.dropped_samples = self._seq + 1, self.dropped
        batch.definitions.extend(self._definitions(columns))
        if attempt is not None:
            batch.attempt.CopyFrom(messages.ref(attempt))
        return agent_pb2.SessionRequest(telemetry=batch)

    def _definitions(self, ids: Iterable[int]) -> list[agent_pb2.SeriesDefinition]:
        by_id = {self._ids[s.id]: s for s in list(self._source.sensors.values()) if s.id in self._ids}
        return [
            agent_pb2.SeriesDefinition(series_id=i, sensor=by_id[i].id, kind=by_id[i].kind, scope=by_id[i].scope)
            for i in ids
            if i not in self._named
        ]


def _part(values: array[float], newest: float, start: int, end: int) -> Column | None:
    """A sensor's readings of a part of the ticks; None when it was not read in it."""
    part = values[start:end]
    finite = [v for v in part if v == v]
    if end == len(values) and (finite or newest != newest):
        return Column(values=part, last=newest)
    return Column(values=part, last=finite[-1]) if finite else None
