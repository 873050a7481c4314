"""The newest readings of one connected device: heartbeats say all of them, telemetry those of a measurement.

Bounded whatever an agent sends: so many sensors, names of so many characters, four numbers each. Telemetry that is not
what it should be is left out, in one line of the log, and never ends a session. Values are not opened: the agent sends
last, least and greatest beside them. It all goes with the session.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

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


class _Extremes:
    """Least and greatest of this span and of the one before it."""

    __slots__ = ("_before", "_began_s", "_now")

    def __init__(self) -> None:
        self._began_s = -math.inf
        self._now: tuple[float, float] | None = None
        self._before: tuple[float, float] | None = None

    def add(self, low: float, high: float, now_s: float) -> None:
        self._roll(now_s)
        self._now = (low, high) if self._now is None else (min(low, self._now[0]), max(high, self._now[1]))

    def get(self, now_s: float) -> tuple[float, float] | None:
        self._roll(now_s)
        held = [pair for pair in (self._before, self._now) if pair is not None]
        return (min(low for low, _ in held), max(high for _, high in held)) if held else None

    def _roll(self, now_s: float) -> None:
        passed_s = now_s - self._began_s
        if passed_s >= SPAN_S:
            self._before = self._now if passed_s < 2 * SPAN_S else None
            self._now, self._began_s = None, now_s


class Readings:
    """Of one session."""

    def __init__(self, device: str) -> None:
        self._device = device
        self._series: dict[int, Gauge] = {}
        self._gauges: dict[str, Gauge] = {}
        self._extremes: dict[str, _Extremes] = {}
        self.refused = 0
        self.dropped_samples = 0

    def snapshot(self, readings: Iterable[agent_pb2.GaugeReading]) -> None:
        """All sensors of a heartbeat; those it does not name are gone."""
        found: dict[str, Gauge] = {}
        for reading in readings:
            if len(found) >= SERIES_MAX:
                self._refuse(f"a heartbeat has more than {SERIES_MAX} sensors")
                break
            if max(map(len, (reading.sensor, reading.kind, reading.scope, reading.quality))) > NAME_CHARACTERS_MAX:
                self._refuse(f"a name of over {NAME_CHARACTERS_MAX} characters in a heartbeat")
                continue
            value = reading.value if reading.HasField("value") and math.isfinite(reading.value) else None
            quality = "implausible" if value is None and reading.HasField("value") else reading.quality
            found[reading.sensor] = Gauge(
                sensor=reading.sensor, kind=reading.kind, scope=reading.scope, value=value, quality=quality
            )
        self._gauges = found
        self._extremes = {sensor: held for sensor, held in self._extremes.items() if sensor in found}

    def fold(self, batch: agent_pb2.TelemetryBatch, now_s: float) -> None:
        """Newest, least and greatest of each sound column; the rest of the batch is left out."""
        try:
            wire_telemetry.check(batch)
        except DocumentError as error:
            self._refuse(str(error))
            return
        for definition in batch.definitions:
            self._name(definition)
        self.dropped_samples = max(self.dropped_samples, batch.dropped_samples)
        for column in batch.columns:
            why = wire_telemetry.problem(column, len(batch.offset_us), self._series)
            if why is None:
                self._keep(self._series[column.series_id], column, now_s)
            else:
                self._refuse(f"telemetry: {why}")

    def gauges(self, now_s: float) -> list[Gauge]:
        """Every sensor, with the extremes of the last minute or two."""
        found = []
        for sensor, gauge in self._gauges.items():
            extremes = self._extremes[sensor].get(now_s) if sensor in self._extremes else None
            found.append(replace(gauge, low=extremes[0], high=extremes[1]) if extremes is not None else gauge)
        return found

    def _name(self, definition: agent_pb2.SeriesDefinition) -> None:
        known = self._series.get(definition.series_id)
        if known is not None and (known.sensor, known.kind, known.scope) != (
            definition.sensor,
            definition.kind,
            definition.scope,
        ):
            self._refuse(f"telemetry: series {definition.series_id} is named twice")
        elif known is None and (len(self._series) >= SERIES_MAX or not wire_telemetry.named(definition)):
            self._refuse(f"telemetry: series {definition.series_id} has no name that can be kept, or is one too many")
        elif known is None:
            self._series[definition.series_id] = Gauge(
                sensor=definition.sensor, kind=definition.kind, scope=definition.scope, value=None, quality="pending"
            )

    def _keep(self, series: Gauge, column: agent_pb2.Column, now_s: float) -> None:
        if series.sensor not in self._gauges and len(self._gauges) >= SERIES_MAX:
            self._refuse(f"more than {SERIES_MAX} sensors")
            return
        lost = math.isnan(column.last)
        value = None if lost else column.base + column.last
        self._gauges[series.sensor] = replace(series, value=value, quality="lost" if lost else "ok")
        if math.isfinite(column.min):
            extremes = self._extremes.setdefault(series.sensor, _Extremes())
            extremes.add(column.base + column.min, column.base + column.max, now_s)

    def _refuse(self, why: str) -> None:
        """Counted; a line at the first, the second, the fourth ...: an agent at fault must not fill the log."""
        self.refused += 1
        if self.refused & (self.refused - 1) == 0:
            log.warning("telemetry event=refused device=%s count=%d why=%s", self._device, self.refused, one_line(why))
