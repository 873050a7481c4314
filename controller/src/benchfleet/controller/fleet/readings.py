"""The newest readings of one connected device: heartbeats say all of them, telemetry those of a measurement.

Bounded whatever an agent sends: so many sensors, names of so many characters, four numbers each. Telemetry that is not
what it should be is left out, in one line of the log, and never ends a session. Values are not opened: the agent sends
last, least and greatest beside them. It all goes with the session.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable
from dataclasses import dataclass

from benchfleet.core import wire_telemetry
from benchfleet.core.errors import DocumentError, one_line
from benchfleet.core.wire_telemetry import NAME_CHARACTERS_MAX, SERIES_MAX
from benchfleet.v1 import agent_pb2

log = logging.getLogger(__name__)

SPAN_S = 60.0
"""Least and greatest are those of the last one to two of these: none goes unseen at Prometheus' own scrape interval."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gauge:
    """The newest value of one sensor of a device; None with a quality when it was not measured.

    `low` and `high` are the extremes of the telemetry of the last minute or two; None where there was none.
    """

    sensor: str
    kind: str
    scope: str
    value: float | None
    quality: str
    low: float | None = None
    high: float | None = None


class _Held:
    """One sensor, changed in place: its newest value, and the extremes of this span and of the one before it."""

    __slots__ = ("_before", "_began_s", "_now", "kind", "quality", "scope", "sensor", "value")

    def __init__(self, sensor: str, kind: str, scope: str) -> None:
        self.sensor, self.kind, self.scope = sensor, kind, scope
        self.value: float | None = None
        self.quality = "pending"
        self._began_s = -math.inf
        self._now: tuple[float, float] | None = None
        self._before: tuple[float, float] | None = None

    def add(self, low: float, high: float, now_s: float) -> None:
        if now_s - self._began_s >= SPAN_S:
            self._roll(now_s)
        now = self._now
        self._now = (low, high) if now is None else (min(low, now[0]), max(high, now[1]))

    def gauge(self, now_s: float) -> Gauge:
        if now_s - self._began_s >= SPAN_S:
            self._roll(now_s)
        spans = [pair for pair in (self._before, self._now) if pair is not None]
        return Gauge(
            sensor=self.sensor,
            kind=self.kind,
            scope=self.scope,
            value=self.value,
            quality=self.quality,
            low=min((low for low, _ in spans), default=None),
            high=max((high for _, high in spans), default=None),
        )

    def _roll(self, now_s: float) -> None:
        self._before = self._now if now_s - self._began_s < 2 * SPAN_S else None
        self._now, self._began_s = None, now_s


class Readings:
    """Of one session."""

    def __init__(self, device: str) -> None:
        self._device = device
        self._series: dict[int, _Held] = {}
        self._held: dict[str, _Held] = {}
        self.refused = 0
        self.dropped_samples = 0

    def snapshot(self, readings: Iterable[agent_pb2.GaugeReading]) -> None:
        """All sensors of a heartbeat; those it does not name are gone."""
        found: dict[str, _Held] = {}
        for reading in readings:
            sensor, kind, scope, quality = reading.sensor, reading.kind, reading.scope, reading.quality
            if len(found) >= SERIES_MAX:
                self.refuse(f"a heartbeat has more than {SERIES_MAX} sensors")
                break
            if max(len(sensor), len(kind), len(scope), len(quality)) > NAME_CHARACTERS_MAX:
                self.refuse(f"a name of over {NAME_CHARACTERS_MAX} characters in a heartbeat")
                continue
            known = self._held.get(sensor)
            if known is None or (known.kind, known.scope) != (kind, scope):
                known = _Held(sensor, kind, scope)
            known.value, known.quality = None, quality
            if reading.HasField("value"):
                value = reading.value
                known.value, known.quality = (value, quality) if math.isfinite(value) else (None, "implausible")
            found[sensor] = known
        self._held = found

    def fold(self, batch: agent_pb2.TelemetryBatch, now_s: float) -> None:
        """Newest, least and greatest of each sound column; the rest of the batch is left out."""
        try:
            wire_telemetry.check(batch)
        except DocumentError as error:
            self.refuse(str(error))
            return
        for definition in batch.definitions:
            self._name(definition)
        self.dropped_samples = max(self.dropped_samples, batch.dropped_samples)
        stamps = len(batch.offset_us)
        for column in batch.columns:
            why = wire_telemetry.problem(column, stamps, self._series)
            if why is None:
                self._keep(self._series[column.series_id], column, now_s)
            else:
                self.refuse(f"telemetry: {why}")

    def gauges(self, now_s: float) -> list[Gauge]:
        """Every sensor, with the extremes of the last minute or two."""
        return [held.gauge(now_s) for held in self._held.values()]

    def _name(self, definition: agent_pb2.SeriesDefinition) -> None:
        of, known = (definition.sensor, definition.kind, definition.scope), self._series.get(definition.series_id)
        if known is not None and (known.sensor, known.kind, known.scope) != of:
            self.refuse(f"telemetry: series {definition.series_id} is named twice")
        elif known is None and (len(self._series) >= SERIES_MAX or not wire_telemetry.named(definition)):
            self.refuse(f"telemetry: series {definition.series_id} has no name that can be kept, or is one too many")
        elif known is None:
            self._series[definition.series_id] = _Held(*of)

    def _keep(self, named: _Held, column: agent_pb2.Column, now_s: float) -> None:
        held = self._held.get(named.sensor)
        if held is None or (held is not named and (held.kind, held.scope) != (named.kind, named.scope)):
            if held is None and len(self._held) >= SERIES_MAX:
                self.refuse(f"more than {SERIES_MAX} sensors")
                return
            held = self._held[named.sensor] = named
        base, last, low = column.base, column.last, column.min
        held.value, held.quality = (None, "lost") if last != last else (base + last, "ok")
        if low == low:
            held.add(base + low, base + column.max, now_s)

    def refuse(self, why: str) -> None:
        """Counted; a line at the first, the second, the fourth ...: an agent at fault must not fill the log."""
        self.refused += 1
        if self.refused & (self.refused - 1) == 0:
            log.warning("telemetry event=refused device=%s count=%d why=%s", self._device, self.refused, one_line(why))
