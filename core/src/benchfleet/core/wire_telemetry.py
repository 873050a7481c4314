"""Telemetry on the wire: one time axis, one column of float32 per sensor, names once a session.

Labelled rows take 74 bytes a value, columns 4.4, and whoever only wants the newest value never opens them. A time at
which a sensor was not read, or was lost, is NaN in its column; `last` alone says that the newest reading was lost.
"""

from __future__ import annotations

import math
import sys
from array import array
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from benchfleet.core.errors import DocumentError
from benchfleet.core.wire import MESSAGE_BYTES_MAX
from benchfleet.v1 import agent_pb2

SERIES_MAX = 512
"""Sensors of one device: the largest boards have a tenth of it."""

STAMPS_MAX = 1000
"""Of one batch: a minute and a half at 10 Hz."""

NAME_CHARACTERS_MAX = 200
"""Of a sensor's id, kind or scope."""

COUNTERS = frozenset({"energy_j", "throttle_count", "duration_s", "pressure_s"})
"""Kinds that grow for as long as a device is up: a float32 of one loses what it gained in a second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """The readings of one sensor on the axis of its block; NaN where there is none. `last` NaN: the newest was lost."""

    values: Sequence[float]
    last: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Readings on one time axis, by the number of their series."""

    times_ns: Sequence[int]
    columns: Mapping[int, Column] = field(default_factory=dict)


def to_wire(block: Block, kinds: Mapping[int, str], start_utc_ns: int) -> agent_pb2.TelemetryBatch:
    """A batch without attempt, number and definitions; `start_utc_ns` is the block's first stamp in UTC."""
    batch = agent_pb2.TelemetryBatch()
    batch.start_time.FromNanoseconds(start_utc_ns)
    batch.offset_us.extend((t - block.times_ns[0]) // 1000 for t in block.times_ns)
    for series_id, column in block.columns.items():
        batch.columns.append(_column_to_wire(series_id, column, kinds.get(series_id, "")))
    return batch


def _column_to_wire(series_id: int, column: Column, kind: str) -> agent_pb2.Column:
    base = next((v for v in column.values if math.isfinite(v)), 0.0) if kind in COUNTERS else 0.0
    # Through float32 first: the extremes are those of what is sent.
    values = array("f", (v - base for v in column.values))
    finite = [v for v in values if math.isfinite(v)]
    last = array("f", (column.last - base,))[0]
    if sys.byteorder == "big":
        values.byteswap()
    return agent_pb2.Column(
        series_id=series_id,
        values_f32_le=values.tobytes(),
        last=last,
        min=min(finite, default=math.nan),
        max=max(finite, default=math.nan),
        sum=math.fsum(finite),
        base=base,
    )


def from_wire(batch: agent_pb2.TelemetryBatch) -> Block:
    """The block of a batch, its stamps in UTC; DocumentError when it is not one."""
    check(batch)
    for column in batch.columns:
        why = problem(column, len(batch.offset_us), (column.series_id,))
        if why is not None:
            raise DocumentError(f"telemetry: {why}")
    start_ns = batch.start_time.ToNanoseconds()
    return Block(
        times_ns=[start_ns + offset * 1000 for offset in batch.offset_us],
        columns={c.series_id: Column(values=_values(c), last=c.base + c.last) for c in batch.columns},
    )


def _values(column: agent_pb2.Column) -> list[float]:
    values = array("f")
    values.frombytes(column.values_f32_le)
    if sys.byteorder == "big":
        values.byteswap()
    return [column.base + value for value in values]


def check(batch: agent_pb2.TelemetryBatch) -> None:
    """DocumentError for a batch that is nothing to be folded: too large, too many of anything, times that go back."""
    size_bytes = batch.ByteSize()
    if size_bytes > MESSAGE_BYTES_MAX:
        raise DocumentError(f"telemetry: a batch of {size_bytes} bytes; at most {MESSAGE_BYTES_MAX} are taken")
    for what, count, most in (
        ("time stamps", len(batch.offset_us), STAMPS_MAX),
        ("columns", len(batch.columns), SERIES_MAX),
        ("definitions", len(batch.definitions), SERIES_MAX),
    ):
        if count > most:
            raise DocumentError(f"telemetry: {count} {what} in a batch; at most {most} are taken")
    offsets = list(batch.offset_us)
    if offsets != sorted(offsets):
        raise DocumentError("telemetry: its time stamps go back")


def named(definition: agent_pb2.SeriesDefinition) -> bool:
    """Whether a series has a name that can be kept and shown."""
    texts = (definition.sensor, definition.kind, definition.scope)
    return bool(definition.sensor) and all(len(text) <= NAME_CHARACTERS_MAX for text in texts)


def problem(column: agent_pb2.Column, stamps: int, known: Collection[int]) -> str | None:
    """What is wrong with a column; None for one to be folded. Its values are not opened."""
    if column.series_id not in known:
        return f"series {column.series_id} was never named"
    size_bytes = len(column.values_f32_le)
    if not stamps or size_bytes != 4 * stamps:
        return f"series {column.series_id} has {size_bytes} bytes for {stamps} time stamps"
    low, high, last = column.min, column.max, column.last
    if not math.isfinite(column.base) or math.isinf(last):
        return f"series {column.series_id} is not finite"
    if low != low and high != high and last != last:
        return None  # lost all the time
    if not (math.isfinite(low) and math.isfinite(high) and low <= high):
        return f"series {column.series_id} has no sane extremes"
    if last == last and not low <= last <= high:
        return f"series {column.series_id} has its newest value outside its extremes"
    return None
