"""Cells of one device measured together: lanes are shared, rounds interleave, a fault stays with its cells."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import math
import zipfile
from collections.abc import AsyncIterator
from dataclasses import replace
from importlib import resources
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from benchfleet.agent.measure import settling
from benchfleet.agent.measure.block import Around, Cell, Files, measure_block
from benchfleet.agent.measure.profiles import PROFILES
from benchfleet.agent.measure.reference import EARLIER_MIN, KEPT_MAX, Reference
from benchfleet.core.clock import ManualClock, SystemClock
from benchfleet.core.inventory import Inventory
from benchfleet.core.runspec import Artifact, ModelRef, RunSpec
from benchfleet.core.samples import SensorSeries

DATA = Path(str(resources.files("benchfleet.controller"))) / "demo" / "data"
INVENTORY = Inventory(
    hostname="h", board="host", os="", kernel="", arch="", cpu_model="", cpu_count=2, memory_bytes=1, python="",
    agent_version="0",
)  # fmt: skip


@pytest.fixture(autouse=True)
def _own_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCHFLEET_HOST_LOCK", str(tmp_path / "host.lock"))


def ref(name: str) -> ModelRef:
    data = (DATA / name).read_bytes()
    return ModelRef(
        name=name,
        format="onnx",
        precision=None,
        artifact=Artifact(digest=hashlib.sha256(data).hexdigest(), size_bytes=len(data)),
    )


def cell(name: str, model: str = "digits-fp32.onnx", baseline: str | None = None, **more: Any) -> Cell:
    spec = RunSpec(
        model=ref(model),
        baseline=ref(baseline) if baseline else None,
        **{"runtime": "null", "profile": "quick", **more},
    )
    return Cell(name=name, spec=spec, files=Files(model=DATA / model, baseline=DATA / baseline if baseline else None))


def around(tmp_path: Path, **more: Any) -> Around:
    return Around(workspace=tmp_path / "work", inventory=INVENTORY, clock=SystemClock(), **more)


async def test_the_model_of_one_cell_is_the_baseline_of_another_and_runs_once(tmp_path: Path) -> None:
    first, second = await measure_block(
        [cell("a"), cell("b", "digits-int8.onnx", "digits-fp32.onnx")], around(tmp_path)
    )
    assert sorted(p.name for p in (tmp_path / "work").iterdir() if p.name.startswith("lane")) == ["lane0", "lane1"]
    assert second.result.provenance["rounds"]["baseline"] == first.result.provenance["rounds"]["model"]
    assert second.result.metrics["latency_ratio_to_baseline"].n == len(first.result.provenance["rounds"]["model"])
    blocks = {json.dumps(m.result.provenance["block"]) for m in (first, second)}
    assert len(blocks) == 1
    assert json.loads(blocks.pop())["cells"] == ["a", "b"]


async def test_another_setting_is_another_lane(tmp_path: Path) -> None:
    cells = [cell("a"), cell("b", runtime_options={"latency_us": 50}), cell("c", threads=2)]
    found = await measure_block(cells, around(tmp_path))
    assert [m.result.outcome for m in found] == ["ok"] * 3
    assert len([p for p in (tmp_path / "work").iterdir() if p.name.startswith("lane")]) == 3


async def test_rounds_of_all_lanes_take_turns_in_a_seeded_order(tmp_path: Path) -> None:
    cells = [cell("a"), cell("b", runtime_options={"latency_us": 50})]
    found = await measure_block(cells, around(tmp_path, reference=Reference()))
    spans = []
    for lane, measured in (("a", found[0]), ("b", found[1])):
        assert measured.series is not None
        with zipfile.ZipFile(measured.series) as archive:
            rounds = json.loads(archive.read("manifest.json"))["rounds"]
        assert set(rounds) == {"model", "reference"}
        spans += [(r[3], r[4], lane) for r in rounds["model"] if r[1] < PROFILES["quick"].rounds_min]
    spans.sort()
    assert all(before[1] <= after[0] for before, after in pairwise(spans)), "two lanes ran at once"
    turns = [lane for _, _, lane in spans]
    assert all(set(turns[i : i + 2]) == {"a", "b"} for i in range(0, len(turns), 2)), "one lane ran ahead"
    assert turns != ["a", "b"] * (len(turns) // 2), "the order is not shuffled"


@pytest.mark.parametrize("fail", ["segfault", "hang"])
async def test_a_lane_that_fails_costs_its_own_cells_and_no_other(tmp_path: Path, fail: str) -> None:
    bad = cell("bad", timeout_s=3.0, runtime_options={"fail": fail, "fail_after": 200, "latency_us": 500})
    good = cell("good", "digits-int8.onnx")
    found = await measure_block([bad, good], around(tmp_path))
    assert [m.result.outcome for m in found] == ["failed", "ok"]
    failure = found[0].result.failure
    assert failure is not None
    assert failure.reason == {"segfault": "runner_signal", "hang": "timeout"}[fail]


async def test_a_slow_lane_has_its_own_span_and_not_that_of_its_block(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = replace(PROFILES["quick"], launch_span_s=1.5, half_width=1e-9)  # as if nothing were ever known well enough
    monkeypatch.setitem(PROFILES, "quick", short)
    slow = cell("slow", runtime_options={"latency_us": 400_000})
    found = await measure_block([slow, *(cell(f"fast{i}", batch=i) for i in range(1, 5))], around(tmp_path))
    rounds = [len(m.result.provenance["rounds"]["model"]) for m in found]
    assert 3 <= rounds[0] <= 4, "the slow lane took the time of the others"
    assert min(rounds[1:]) >= short.rounds_min, "the fast lanes went without theirs"


async def test_lanes_that_hang_cost_the_others_no_rounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    short = replace(PROFILES["quick"], launch_span_s=1.5, warm_cap_s=0.1, warm_span_s=0.05)
    monkeypatch.setitem(PROFILES, "quick", short)
    fails = {"fail": "hang", "fail_after": 450, "latency_us": 500}  # in the first rounds
    hanging = [cell(f"bad{i}", batch=i, timeout_s=5.0, runtime_options=fails) for i in (1, 2, 3)]
    *bad, good = await measure_block([*hanging, cell("good", "digits-int8.onnx")], around(tmp_path))
    assert [m.result.outcome for m in bad] == ["failed"] * 3
    assert len(good.result.provenance["rounds"]["model"]) >= short.rounds_min


async def test_waiting_for_a_turn_on_the_host_is_no_part_of_the_time_of_a_block(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = ManualClock()

    @contextlib.asynccontextmanager
    async def turn(stop: asyncio.Event) -> AsyncIterator[bool]:
        clock.advance(100_000.0)  # another agent of this host measures a long block
        yield True

    monkeypatch.setattr("benchfleet.agent.measure.host.turn", turn)
    (found,) = await measure_block([cell("a")], Around(workspace=tmp_path / "work", inventory=INVENTORY, clock=clock))
    assert found.result.failure is None


async def test_a_load_longer_than_what_is_left_of_a_lease_goes_on_while_the_lease_is_renewed(tmp_path: Path) -> None:
    renewed = SystemClock()
    slow = cell("slow", runtime="fake", runtime_options={"load_s": 2.0})
    (found,) = await measure_block([slow], around(tmp_path, lease_deadline_s=lambda: renewed.boottime_s() + 0.5))
    assert found.result.failure is None


async def test_a_block_whose_lease_is_over_fails_whole(tmp_path: Path) -> None:
    found = await measure_block([cell("a"), cell("b", threads=2)], around(tmp_path, lease_deadline_s=lambda: 0.0))
    assert [m.result.failure.reason for m in found if m.result.failure] == ["deadline", "deadline"]


async def test_a_stop_ends_every_cell_of_the_block(tmp_path: Path) -> None:
    stop = asyncio.Event()
    hanging = cell("a", runtime_options={"fail": "hang", "fail_after": 1})
    running = measure_block([hanging, cell("b", "digits-int8.onnx")], around(tmp_path, stop=stop))
    asyncio.get_running_loop().call_later(1.0, stop.set)
    found = await asyncio.wait_for(running, 20)
    assert [m.result.outcome for m in found] == ["stopped", "stopped"]


async def test_the_reference_work_is_compared_with_what_it_took_here_before(tmp_path: Path) -> None:
    reference = Reference(file=tmp_path / "state" / "reference.json")
    results = [
        (await measure_block([cell("a")], around(tmp_path, reference=reference)))[0].result
        for _ in range(EARLIER_MIN + 1)
    ]
    assert results[0].metrics["reference_ms_p50"].value
    assert results[0].metrics["reference_ratio"].value is None
    ratio = results[-1].metrics["reference_ratio"].value
    assert ratio is not None
    assert 0.05 < ratio < 20
    (kept,) = json.loads((tmp_path / "state" / "reference.json").read_text()).values()
    assert len(kept) == EARLIER_MIN + 1
    assert kept[0] * 1e-6 == pytest.approx(results[0].metrics["reference_ms_p50"].value, rel=1.0)


@pytest.mark.parametrize("text", ["", "[1]", '{"1/x": "slow"}', '{"1/x": [0, -1]}', "\x00"])
def test_a_damaged_memory_of_the_reference_says_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "reference.json").write_text(text)
    reference = Reference(file=tmp_path / "reference.json")
    assert reference.baseline_ns(reference.track()) is None
    assert KEPT_MAX > EARLIER_MIN


class Thermometer:
    """A sensor that cools by one degree with each look."""

    def __init__(self, now_c: float, clock: ManualClock) -> None:
        self.now_c, self.clock = now_c, clock

    def series(self, start_ns: int, end_ns: int) -> tuple[SensorSeries, ...]:
        self.now_c -= 1.0
        self.clock.advance(10.0)
        return (
            SensorSeries(
                sensor="t", kind="temperature_c", scope="board", source="synthetic",
                times_ns=(start_ns,), values=(self.now_c,),
            ),
        )  # fmt: skip


async def test_a_hot_device_cools_down_to_its_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settling, "COOL_POLL_S", 0.0)
    clock = ManualClock()
    told = await settling.cool_down(40.0, Thermometer(50.0, clock), clock, asyncio.Event())  # type: ignore[arg-type]
    assert told == {"cooled_s": 80.0, "cooled_to_c": 42.0}


async def test_cooling_ends_at_its_limit_and_says_how_far_it_came(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settling, "COOL_POLL_S", 0.0)
    clock = ManualClock()
    told = await settling.cool_down(0.0, Thermometer(500.0, clock), clock, asyncio.Event())  # type: ignore[arg-type]
    assert told["cooled_s"] >= settling.COOL_SPAN_MAX_S
    assert told["cooled_to_c"] > 400


@pytest.mark.parametrize(("start_c", "now_c"), [(None, 50.0), (40.0, 42.0), (40.0, math.nan)])
async def test_a_device_that_is_cool_or_has_no_thermometer_goes_on_at_once(start_c: float | None, now_c: float) -> None:
    clock = ManualClock()
    telemetry = None if math.isnan(now_c) else Thermometer(now_c, clock)
    assert await settling.cool_down(start_c, telemetry, clock, asyncio.Event()) == {}  # type: ignore[arg-type]
