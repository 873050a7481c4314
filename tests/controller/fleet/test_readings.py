"""What an agent says of its sensors is bounded, checked, and forgotten with its session."""

from __future__ import annotations

import logging
import math
import struct

import pytest

from benchfleet.controller.fleet.readings import SPAN_S, Readings
from benchfleet.controller.fleet.sessions import LiveSession, Sessions
from benchfleet.controller.http import metrics
from benchfleet.controller.http.exposition import render
from benchfleet.core.wire_telemetry import SERIES_MAX, Block, Column, to_wire
from benchfleet.v1 import agent_pb2 as pb

NAMES = [pb.SeriesDefinition(series_id=1, sensor="meter/power", kind="power_w", scope="board")]


def beat(*sensors: str, value: float = 1.0) -> list[pb.GaugeReading]:
    return [pb.GaugeReading(sensor=s, kind="power_w", scope="board", value=value, quality="ok") for s in sensors]


def batch(*values: float, series_id: int = 1, last: float | None = None) -> pb.TelemetryBatch:
    column = Column(values=values, last=values[-1] if last is None else last)
    made = to_wire(Block(times_ns=range(0, 1000 * len(values), 1000), columns={series_id: column}), {}, 0)
    made.definitions.extend(NAMES)
    return made


def only(readings: Readings, now_s: float = 0.0) -> tuple[float | None, float | None, float | None]:
    (gauge,) = readings.gauges(now_s)
    return gauge.value, gauge.low, gauge.high


def test_newest_least_and_greatest_are_kept_over_batches() -> None:
    readings = Readings("pi")
    readings.fold(batch(5.0, 9.0, 4.0), 0.0)
    readings.fold(batch(6.0, 7.0), 1.0)
    assert only(readings, 1.0) == (7.0, 4.0, 9.0)


def test_an_extreme_is_seen_for_at_least_one_span_and_at_most_two() -> None:
    readings = Readings("pi")
    readings.fold(batch(50.0), 0.0)
    readings.fold(batch(5.0), SPAN_S * 1.5)
    assert only(readings, SPAN_S * 1.9) == (5.0, 5.0, 50.0)
    assert only(readings, SPAN_S * 2.6) == (5.0, 5.0, 5.0)
    assert only(readings, SPAN_S * 10) == (5.0, None, None)


def test_a_heartbeat_is_the_whole_list_of_sensors() -> None:
    readings = Readings("pi")
    readings.snapshot(beat("one", "two"))
    readings.snapshot(beat("two", "three"))
    assert [gauge.sensor for gauge in readings.gauges(0.0)] == ["two", "three"]


def test_a_newest_reading_that_was_lost_is_none_and_its_extremes_stay() -> None:
    readings = Readings("pi")
    readings.fold(batch(5.0, 9.0, math.nan, last=math.nan), 0.0)
    (gauge,) = readings.gauges(0.0)
    assert (gauge.value, gauge.quality, gauge.high) == (None, "lost", 9.0)


@pytest.mark.parametrize(
    "bad",
    [
        pb.TelemetryBatch(offset_us=[3, 1]),
        pb.TelemetryBatch(offset_us=[0], columns=[pb.Column(series_id=1, values_f32_le=b"\0" * 5)]),
        pb.TelemetryBatch(offset_us=[0], columns=[pb.Column(series_id=99, values_f32_le=b"\0" * 4)]),
        pb.TelemetryBatch(
            offset_us=[0],
            columns=[pb.Column(series_id=1, values_f32_le=struct.pack("<f", math.inf), last=math.inf, max=math.inf)],
        ),
        pb.TelemetryBatch(definitions=[pb.SeriesDefinition(series_id=2)]),
        pb.TelemetryBatch(definitions=[pb.SeriesDefinition(series_id=1, sensor="other", kind="k", scope="s")]),
        pb.TelemetryBatch(definitions=[pb.SeriesDefinition(series_id=3, sensor="x" * 10_000)]),
    ],
    ids=["back in time", "wrong length", "unknown series", "infinite", "nameless", "named twice", "endless name"],
)
def test_what_is_not_sound_changes_nothing_and_is_one_line(
    bad: pb.TelemetryBatch, caplog: pytest.LogCaptureFixture
) -> None:
    readings = Readings("pi")
    readings.fold(batch(5.0), 0.0)
    before = readings.gauges(0.0)
    with caplog.at_level(logging.WARNING):
        readings.fold(bad, 0.0)
    assert readings.gauges(0.0) == before
    assert readings.refused == 1
    (record,) = caplog.records
    assert "device=pi" in record.getMessage()
    assert "\n" not in record.getMessage()


def test_one_bad_column_does_not_cost_the_good_ones() -> None:
    readings = Readings("pi")
    mixed = batch(5.0)
    mixed.columns.append(pb.Column(series_id=99, values_f32_le=b"\0" * 4))
    readings.fold(mixed, 0.0)
    assert only(readings) == (5.0, 5.0, 5.0)
    assert readings.refused == 1


def test_an_agent_at_fault_does_not_fill_the_log(caplog: pytest.LogCaptureFixture) -> None:
    readings = Readings("pi")
    with caplog.at_level(logging.WARNING):
        for _ in range(1000):
            readings.fold(pb.TelemetryBatch(offset_us=[3, 1]), 0.0)
    assert readings.refused == 1000
    assert len(caplog.records) == 10  # 1, 2, 4 ... 512


def test_memory_is_bounded_whatever_is_named() -> None:
    readings = Readings("pi")
    for start in range(0, 5 * SERIES_MAX, SERIES_MAX):
        names = [
            pb.SeriesDefinition(series_id=i, sensor=f"s{i}", kind="power_w") for i in range(start, start + SERIES_MAX)
        ]
        readings.fold(pb.TelemetryBatch(definitions=names), 0.0)
        block = Block(times_ns=[0], columns={d.series_id: Column(values=[1.0], last=1.0) for d in names})
        readings.fold(to_wire(block, {}, 0), 0.0)
        readings.snapshot(beat(*(f"b{i}" for i in range(start, start + 2 * SERIES_MAX))))
    assert len(readings._series) <= SERIES_MAX
    assert len(readings._held) <= SERIES_MAX


def test_readings_go_with_the_session() -> None:
    sessions = Sessions()
    session = LiveSession(device="pi", incarnation=1, instance_id="i")
    sessions.open(session)
    session.readings.fold(batch(5.0), 0.0)
    assert list(sessions.readings()) == ["pi"]
    sessions.forget(session)
    assert sessions.readings() == {}


def test_a_scrape_shows_newest_and_extremes_in_base_units_and_what_was_left_out() -> None:
    readings = Readings("pi")
    made = batch(5.0, 9.0, 7.0)
    made.dropped_samples = 12
    readings.fold(made, 0.0)
    text = render([*metrics.live({"pi": readings.gauges(0.0)}), *metrics.telemetry({"pi": readings})])
    labels = '{device="pi",sensor="meter/power",scope="board"}'
    assert f"benchfleet_power_watts{labels} 7.0" in text
    assert f"benchfleet_power_watts_min{labels} 5.0" in text
    assert f"benchfleet_power_watts_max{labels} 9.0" in text
    assert 'benchfleet_telemetry_dropped_samples_total{device="pi"} 12.0' in text
    assert 'benchfleet_telemetry_refused_total{device="pi"} 0.0' in text
