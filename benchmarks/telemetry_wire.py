"""What live telemetry costs the controller: columns against labelled rows, and a full batch against a batch of one.

The rows are those of a heartbeat (sensor, kind, scope, value, quality), one for each reading; the columns are those of
TelemetryBatch. Both are parsed from bytes and handled as the controller does, in alternating blocks of one run; the
transport is not in it.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

from benchfleet.controller.fleet.readings import Readings
from benchfleet.core.wire_telemetry import Block, Column, to_wire
from benchfleet.v1 import agent_pb2 as pb

SENSORS, STAMPS = 10, 100
BLOCKS, REPEATS = 60, 10
GOAL_BYTES, GOAL_RATIO = 6.0, 20.0
AGENTS = 2000
"""That measure at once, each with a batch a second."""


def batch(stamps: int) -> bytes:
    """A batch whose series have been named."""
    columns = {i: Column(values=[7.5 + i + k / 8 for k in range(stamps)], last=7.5 + i) for i in range(SENSORS)}
    columns = {i: Column(values=c.values, last=c.values[-1]) for i, c in columns.items()}
    times_ns = [k * 10_000_000 for k in range(stamps)]
    return to_wire(Block(times_ns=times_ns, columns=columns), {}, 1_700_000_000_000_000_000).SerializeToString()


def rows() -> bytes:
    """The same readings, each with its labels."""
    return pb.Heartbeat(
        gauges=[
            pb.GaugeReading(sensor=name(i), kind="power_w", scope="board", value=7.5 + i + k / 8, quality="ok")
            for k in range(STAMPS)
            for i in range(SENSORS)
        ]
    ).SerializeToString()


def name(number: int) -> str:
    return f"ina3221/1-0040/rail{number}/power"


def cost_us(call: Callable[[], None]) -> float:
    """CPU time of one call, averaged over a block."""
    start_ns = time.thread_time_ns()
    for _ in range(REPEATS):
        call()
    return (time.thread_time_ns() - start_ns) / REPEATS / 1e3


def main() -> None:
    """Measure and print one line."""
    full, one, labelled = batch(STAMPS), batch(1), rows()
    readings, other = Readings("pi"), Readings("pi")
    names = [pb.SeriesDefinition(series_id=i, sensor=name(i), kind="power_w", scope="board") for i in range(SENSORS)]
    readings.fold(pb.TelemetryBatch(definitions=names), 0.0)

    def fold(held: bytes) -> Callable[[], None]:
        return lambda: readings.fold(pb.TelemetryBatch.FromString(held), 0.0)

    calls = (fold(full), fold(one), lambda: other.snapshot(pb.Heartbeat.FromString(labelled).gauges))
    blocks = [[cost_us(call) for call in calls] for _ in range(BLOCKS)]
    full_us, one_us, rows_us = (statistics.median(column) for column in zip(*blocks, strict=True))
    ratio = statistics.median(row / column for column, _, row in blocks)
    growth = statistics.median(column / single for column, single, _ in blocks)
    assert readings.refused == 0
    values = SENSORS * STAMPS
    size_bytes = len(full) / values
    within = size_bytes <= GOAL_BYTES and ratio >= GOAL_RATIO
    print(
        f"telemetry_wire: {size_bytes:.1f} bytes a value in columns, {len(labelled) / values:.1f} in rows; parsed and "
        f"folded {full_us:.0f} us a batch of {values}, {one_us:.0f} us a batch of {SENSORS}, {rows_us:.0f} us as rows; "
        f"ratio rows/columns {ratio:.1f}, full batch/batch of one {growth:.2f} (n={BLOCKS}); {AGENTS} agents with a "
        f"batch a second {full_us * AGENTS / 1e4:.0f} % of a core; {'within' if within else 'ABOVE'} the goals of "
        f"{GOAL_BYTES:.0f} bytes and {GOAL_RATIO:.0f}"
    )


if __name__ == "__main__":
    main()
