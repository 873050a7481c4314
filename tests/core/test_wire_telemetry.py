"""What is encoded comes back, and nothing that is not a batch gets through."""

from __future__ import annotations

import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchfleet.core.errors import DocumentError
from benchfleet.core.wire import MESSAGE_BYTES_MAX
from benchfleet.core.wire_telemetry import (
    SERIES_MAX,
    STAMPS_MAX,
    Block,
    Column,
    check,
    from_wire,
    named,
    problem,
    to_wire,
)
from benchfleet.v1 import agent_pb2 as pb

START_NS = 1_700_000_000_000_000_000
readings = st.one_of(st.just(math.nan), st.floats(width=32, allow_nan=False, allow_infinity=False))


@st.composite
def blocks(draw: st.DrawFn) -> Block:
    """A block whose stamps are whole microseconds and whose newest reading is one of the column's, or lost."""
    steps = draw(st.lists(st.integers(0, 10**7), min_size=1, max_size=30))
    times_ns = [START_NS + sum(steps[: i + 1]) * 1000 for i in range(len(steps))]
    columns = {}
    for series_id in draw(st.sets(st.integers(1, 1000), max_size=5)):
        values = draw(st.lists(readings, min_size=len(steps), max_size=len(steps)))
        finite = [v for v in values if math.isfinite(v)]
        last = draw(st.sampled_from([math.nan, *finite[-1:]]))
        columns[series_id] = Column(values=values, last=last)
    return Block(times_ns=times_ns, columns=columns)


def alike(one: float, other: float) -> bool:
    return one == other or (math.isnan(one) and math.isnan(other))


@given(blocks())
def test_what_is_encoded_comes_back_and_passes_its_own_checks(block: Block) -> None:
    parsed = pb.TelemetryBatch.FromString(to_wire(block, {}, block.times_ns[0]).SerializeToString())
    found = from_wire(parsed)
    assert found.times_ns == block.times_ns
    assert found.columns.keys() == block.columns.keys()
    for series_id, column in block.columns.items():
        assert all(map(alike, found.columns[series_id].values, column.values))
        assert alike(found.columns[series_id].last, column.last)
    for column in parsed.columns:
        finite = [v for v in block.columns[column.series_id].values if math.isfinite(v)]
        if finite:
            assert (column.min, column.max) == (min(finite), max(finite))
            assert column.sum == pytest.approx(math.fsum(finite), rel=1e-12, abs=1e-30)


def test_a_counter_of_a_year_keeps_its_millijoules() -> None:
    year_j = 3e9
    values = [year_j + 0.001 * i for i in range(10)]
    block = Block(times_ns=[START_NS + i for i in range(10)], columns={1: Column(values=values, last=values[-1])})
    found = from_wire(to_wire(block, {1: "energy_j"}, START_NS)).columns[1]
    assert [v - year_j for v in found.values] == pytest.approx([v - year_j for v in values], abs=1e-5)
    assert found.last == pytest.approx(values[-1], abs=1e-5)


def test_a_hundred_stamps_of_ten_sensors_take_less_than_six_bytes_a_value() -> None:
    values = [7.5 + i for i in range(100)]
    times_ns = [START_NS + i * 100_000_000 for i in range(100)]
    block = Block(times_ns=times_ns, columns={i: Column(values=values, last=values[-1]) for i in range(10)})
    assert to_wire(block, {}, START_NS).ByteSize() / 1000 < 6


def batch(**fields: object) -> pb.TelemetryBatch:
    return pb.TelemetryBatch(offset_us=[0, 1], **fields)


@pytest.mark.parametrize(
    "bad",
    [
        pb.TelemetryBatch(offset_us=[5, 4]),
        pb.TelemetryBatch(offset_us=range(STAMPS_MAX + 1)),
        batch(columns=[pb.Column(series_id=i) for i in range(SERIES_MAX + 1)]),
        batch(definitions=[pb.SeriesDefinition(series_id=i) for i in range(SERIES_MAX + 1)]),
        batch(columns=[pb.Column(series_id=1, values_f32_le=bytes(MESSAGE_BYTES_MAX))]),
    ],
    ids=["back in time", "too many stamps", "too many columns", "too many definitions", "too large"],
)
def test_a_batch_that_is_not_one_is_refused(bad: pb.TelemetryBatch) -> None:
    with pytest.raises(DocumentError, match="telemetry: "):
        check(bad)


def column(**fields: object) -> pb.Column:
    good = {"series_id": 1, "values_f32_le": struct.pack("<2f", 1.0, 3.0), "last": 3.0, "min": 1.0, "max": 3.0}
    return pb.Column(**{**good, **fields})


def test_a_good_column_has_no_problem_and_one_that_was_lost_neither() -> None:
    assert problem(column(), 2, {1}) is None
    assert problem(column(last=math.nan), 2, {1}) is None
    assert problem(column(last=math.nan, min=math.nan, max=math.nan), 2, {1}) is None


@pytest.mark.parametrize(
    "bad",
    [
        {"series_id": 2},
        {"values_f32_le": b"\0" * 7},
        {"values_f32_le": b"\0" * 12},
        {"values_f32_le": b""},
        {"last": math.inf},
        {"last": 4.0},
        {"min": math.nan},
        {"max": math.inf},
        {"min": 5.0},
        {"base": math.nan},
    ],
    ids=str,
)
def test_a_column_that_contradicts_itself_is_left_out_with_the_reason(bad: dict[str, object]) -> None:
    assert "series" in str(problem(column(**bad), 2, {1}))


@pytest.mark.parametrize("bad", [{"sensor": ""}, {"sensor": "x" * 201}, {"kind": "x" * 201}, {"scope": "x" * 201}])
def test_a_series_without_a_name_that_can_be_kept_is_none(bad: dict[str, str]) -> None:
    assert not named(pb.SeriesDefinition(**{"series_id": 1, "sensor": "s", "kind": "k", "scope": "s", **bad}))
