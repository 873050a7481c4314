"""Which runs go together: alike in pace, few enough for the agent, small enough for the device's memory."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchfleet.controller.campaigns import blocks
from benchfleet.core.runspec import Artifact, ModelRef, RunSpec

GIB = 1024**3


def model(name: str, size_bytes: int = 10_000) -> ModelRef:
    digest = (name * 64)[:64]
    return ModelRef(
        name=f"{name}:1", format="onnx", precision=None, artifact=Artifact(digest=digest, size_bytes=size_bytes)
    )


def spec(name: str = "a", **more: Any) -> RunSpec:
    return RunSpec(model=model(name), runtime="null", **more)


def together(head: RunSpec, *others: RunSpec, members_max: int = 8, memory_bytes: int = 24 * GIB) -> list[str]:
    named = [(str(i), other) for i, other in enumerate(others)]
    return blocks.together(head, named, members_max=members_max, memory_bytes=memory_bytes)


def test_cells_of_one_pace_go_together_whatever_their_model_and_setting() -> None:
    assert together(spec("a"), spec("b"), spec("c", threads=2), spec("d", runtime_options={"x": 1})) == ["0", "1", "2"]


@pytest.mark.parametrize(
    "other",
    [
        spec("b", profile="gate"),
        spec("b", scenario="offline", batch=8),
        spec("b", scenario="realtime", scenario_params={"fps": 30.0}),
        spec("b", power_mode="15W"),
    ],
)
def test_cells_of_another_pace_wait_for_a_block_of_their_own(other: RunSpec) -> None:
    assert together(spec("a"), other, spec("c")) == ["1"]


def test_a_scenario_that_stands_alone_is_leased_alone() -> None:
    lasting = spec("a", scenario="sustained", scenario_params={"duration_s": 60.0})
    assert together(lasting, replace(lasting, model=model("b"))) == []


def test_a_block_has_no_more_members_than_the_agent_takes() -> None:
    assert together(spec("a"), *(spec(c) for c in "bcdefghij"), members_max=3) == ["0", "1"]
    assert together(spec("a"), spec("b"), members_max=1) == []


def test_a_small_device_holds_few_lanes_and_a_shared_lane_costs_once() -> None:
    memory_bytes = int(2.5 * blocks.LANE_BYTES / blocks.MEMORY_SHARE)
    assert together(spec("a"), spec("b"), spec("c"), memory_bytes=memory_bytes) == ["0"]
    beside = [replace(spec(c), baseline=model("a")) for c in "bc"]
    assert together(spec("a"), *beside, memory_bytes=memory_bytes) == ["0"]


def test_a_large_model_that_does_not_fit_leaves_room_for_small_ones_behind_it() -> None:
    large = replace(spec("b"), model=model("b", size_bytes=8 * GIB))
    assert together(spec("a"), large, spec("c"), memory_bytes=8 * GIB) == ["1"]


def test_a_device_that_does_not_tell_its_memory_measures_one_at_a_time() -> None:
    assert together(spec("a"), spec("b"), memory_bytes=0) == []


@given(st.integers(1, 12), st.integers(0, 64 * GIB), st.lists(st.sampled_from("abcdef"), max_size=20))
def test_a_block_keeps_its_bounds(members_max: int, memory_bytes: int, names: list[str]) -> None:
    others = [spec(name, threads=1 + i % 3) for i, name in enumerate(names)]
    chosen = together(spec("z"), *others, members_max=members_max, memory_bytes=memory_bytes)
    assert len(chosen) + 1 <= max(1, members_max)
    assert chosen == sorted(chosen, key=int)
    lanes = {(o.model.name, o.threads) for o in [spec("z"), *(others[int(i)] for i in chosen)]}
    assert not chosen or len(lanes) * blocks.LANE_BYTES <= blocks.MEMORY_SHARE * memory_bytes
