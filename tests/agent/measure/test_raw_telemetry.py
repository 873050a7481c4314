"""A printed joule can be made again from the blob of raw series alone."""

from __future__ import annotations

import asyncio
import json
import struct
import zipfile
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from benchfleet.agent.cli.bench import model_ref
from benchfleet.agent.measure import raw_telemetry, series
from benchfleet.agent.measure.attempt import Around, Files, measure
from benchfleet.agent.measure.profiles import PROFILES
from benchfleet.agent.probe import inventory
from benchfleet.agent.sampler import Sampler
from benchfleet.agent.sensors.simulated import Program
from benchfleet.core.clock import SystemClock
from benchfleet.core.errors import DocumentError
from benchfleet.core.evidence import Evidence, Lane, Round
from benchfleet.core.metric import compute_all
from benchfleet.core.runspec import RunSpec

MODEL = Path(__file__).parents[3] / "controller/src/benchfleet/controller/demo/data/digits-fp32.onnx"

ROUNDS = [(0, i, 3, 20_000_000_000 + i * 1_000_000_000, 20_990_000_000 + i * 1_000_000_000) for i in range(40)]
WALL = struct.pack("<120q", *range(1_000_000, 1_000_120))
IDLE_NS = (1_000_000_000, 15_000_000_000)


def telemetry():
    times = [0.05 + i / 10 for i in range(700)]
    square = Program(name="board", low_w=3, high_w=12, period_s=1.3, duty=0.3, accuracy=0.01, update_s=0.02)
    counter = Program(name="meter", kind="energy_j", scope="wall", low_w=9, wrap_j=100, update_s=0.1, lost_ratio=0.05)
    return [square.series(times), counter.series(times)]


def packed(path, sensors):
    kept, left_out = raw_telemetry.fitting(sensors)
    return series.pack(
        path,
        {"model/0/wall_ns": WALL},
        {"model": ROUNDS},
        raw_telemetry.files(kept),
        telemetry=raw_telemetry.described(kept),
        telemetry_left_out=left_out,
        batch=4,
        idle_span_ns=IDLE_NS,
        battery_wh=20.0,
    )


def printed(sensors):
    """What a result says."""
    rounds = tuple(
        Round(launch=a, index=i, start_ns=s, end_ns=e, wall_ns=(1,) * n, cpu_ns=0, runq_wait_ns=None)
        for a, i, n, s, e in ROUNDS
    )
    return compute_all(
        Evidence(
            model=Lane(rounds=rounds, launches=(), outputs=None),
            baseline=None,
            batch=4,
            model_size_bytes=1,
            telemetry=tuple(sensors),
            idle_span_ns=IDLE_NS,
            battery_wh=20.0,
        )
    )


@pytest.mark.parametrize("which", [[0], [1], [0, 1]], ids=["power", "counter", "both"])
def test_every_figure_of_the_sensors_is_the_same_from_the_blob(tmp_path, which):
    sensors = [telemetry()[i] for i in which]
    again = raw_telemetry.figures(packed(tmp_path / "series.zip", sensors))
    said = printed(sensors)
    assert again["energy_mj_per_inference"].value > 0
    assert again["net_energy_mj_per_inference"].value is not None
    assert all(again[name] == said[name] for name in again)


def test_a_joule_can_be_made_again_with_a_pencil(tmp_path):
    """Nothing of ours but the layout of the blob."""
    with zipfile.ZipFile(packed(tmp_path / "series.zip", telemetry()[:1])) as archive:
        manifest = json.loads(archive.read("manifest.json"))
        raw = archive.read("telemetry/0/times_ns.i64"), archive.read("telemetry/0/values.f64")
    times, values = struct.unpack(f"<{len(raw[0]) // 8}q", raw[0]), struct.unpack(f"<{len(raw[1]) // 8}d", raw[1])
    start, end = manifest["rounds"]["model"][0][3], manifest["rounds"]["model"][-1][4]

    def at(t):
        i = next(i for i in range(len(times)) if times[i] > t)
        return values[i - 1] + (values[i] - values[i - 1]) * (t - times[i - 1]) / (times[i] - times[i - 1])

    inside = [(t, v) for t, v in zip(times, values, strict=True) if start < t < end]
    points = [(start, at(start)), *inside, (end, at(end))]
    energy_j = sum((b[0] - a[0]) * 1e-9 * (a[1] + b[1]) / 2 for a, b in pairwise(points))
    inferences = sum(fields[2] for fields in manifest["rounds"]["model"]) * manifest["batch"]
    said = printed(telemetry()[:1])["energy_mj_per_inference"]
    assert energy_j / inferences * 1e3 == pytest.approx(said.value, rel=1e-9)


def test_what_was_read_comes_back_bit_for_bit_with_all_that_is_known_of_it(tmp_path):
    sensors = telemetry()
    found = raw_telemetry.read(packed(tmp_path / "series.zip", sensors))
    assert {s.sensor: s for s in found} == {s.sensor: s for s in sensors}
    assert None in {s.sensor: s for s in found}["simulated/meter"].values


def test_lanes_are_read_as_before(tmp_path):
    assert series.unpack(packed(tmp_path / "series.zip", telemetry())) == list(range(1_000_000, 1_000_120))


def test_a_blob_of_the_first_schema_has_no_telemetry(tmp_path):
    with zipfile.ZipFile(tmp_path / "old.zip", "w") as archive:
        fields = ["launch", "index", "calls", "start_ns", "end_ns"]
        manifest = {"schema": 1, "round_fields": fields, "rounds": {"model": ROUNDS}}
        archive.writestr("manifest.json", json.dumps(manifest))
        archive.writestr("model/0/wall_ns.i64", WALL)
    assert raw_telemetry.read(tmp_path / "old.zip") == ()
    assert len(series.unpack(tmp_path / "old.zip")) == 120
    assert "no power sensor" in raw_telemetry.figures(tmp_path / "old.zip")["power_w_mean"].reason


def test_a_blob_of_a_newer_agent_is_one_line(tmp_path):
    with zipfile.ZipFile(tmp_path / "new.zip", "w") as archive:
        archive.writestr("manifest.json", json.dumps({"schema": 99}))
    with pytest.raises(DocumentError, match="upgrade"):
        raw_telemetry.read(tmp_path / "new.zip")


def test_what_does_not_fit_is_left_out_by_name_and_power_last(tmp_path, monkeypatch):
    monkeypatch.setattr(raw_telemetry, "TELEMETRY_BYTES_MAX", 700 * raw_telemetry.READING_BYTES)
    path = packed(tmp_path / "series.zip", telemetry())
    assert [s.sensor for s in raw_telemetry.read(path)] == ["simulated/meter"]
    with zipfile.ZipFile(path) as archive:
        assert json.loads(archive.read("manifest.json"))["telemetry_left_out"] == ["simulated/board"]


def test_equal_readings_are_equal_bytes(tmp_path):
    one, other = (packed(tmp_path / name, telemetry()) for name in ("a.zip", "b.zip"))
    assert one.read_bytes() == other.read_bytes()


async def test_an_attempt_keeps_what_its_sensors_said_and_what_the_sampler_cost(tmp_path, monkeypatch):
    monkeypatch.setitem(
        PROFILES, "quick", replace(PROFILES["quick"], preflight_s=1.0, monitor_pairs=3, monitor_each=True)
    )
    monkeypatch.setenv("BENCHFLEET_HOST_LOCK", str(tmp_path / "host.lock"))
    declared = tmp_path / "power.json"
    declared.write_text('{"sensors": [{"name": "board", "low_w": 5, "update_s": 0.01}]}')
    sampler = Sampler(simulate=declared)
    sampler.active(True)
    sampler.start()
    try:
        measured = await measure(
            RunSpec(model=model_ref(MODEL), runtime="onnxruntime", profile="quick"),
            Files(model=MODEL),
            Around(workspace=tmp_path / "work", inventory=inventory(), clock=SystemClock(), telemetry=sampler),
        )
    finally:
        await asyncio.to_thread(sampler.stop)
    result = measured.result
    assert result.metrics["monitor_overhead_ratio"].n == 3
    assert result.provenance["simulated_sensors"] == ["simulated/board"]
    assert "power_simulated" in {reason.flag for reason in result.reasons}
    board = next(s for s in raw_telemetry.read(measured.series) if s.sensor == "simulated/board")
    assert set(board.values) == {5.0}
    manifest = json.loads(zipfile.ZipFile(measured.series).read("manifest.json"))
    first, last = manifest["idle_span_ns"]
    assert last - first >= 10e9  # the device was left alone for as long as an idle baseline takes
    assert min(board.times_ns) < first + 10**9
    assert manifest["idle_after_span_ns"][0] >= manifest["rounds"]["model"][-1][-1]
    assert max(board.times_ns) > manifest["idle_after_span_ns"][1] - 10**9
    again = raw_telemetry.figures(measured.series)
    assert all(again[name] == result.metrics[name] for name in again)
