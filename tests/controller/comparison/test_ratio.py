"""Where a ratio comes from: lanes of one attempt, cells of one block, or two measurements apart."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from benchfleet.controller.comparison.compare import compare
from benchfleet.controller.comparison.ratio import block_of, rounds_of
from tests.support.campaigns import campaign, result, run

BLOCK = {"id": "b-1", "cells": ["base", "new"], "order_seed": 1}


def rounds(factor, *, host_seed=1, launches=3, per_launch=20):
    """Rounds on a host that wanders by a tenth; the same seed is the same minutes."""
    rng, x, found = random.Random(host_seed), 0.0, []
    noise = random.Random(f"{host_seed}/{factor}")
    for launch in range(launches):
        for index in range(per_launch):
            x = 0.9 * x + rng.gauss(0, 0.03)
            found.append([launch, index, 1e7 * factor * (1 + x) * (1 + noise.gauss(0, 0.003)), 10**9 * index])
    return found


def cell(run_id, model, factor, *, block=None, host_seed=1, **lanes):
    provenance = {"rounds": {"model": rounds(factor, host_seed=host_seed), **lanes}, "block": block}
    against = {"baseline": {"name": "digits:fp32"}} if "baseline" in lanes else {}
    return run(run_id, model=model, measured=result(p50=10 * factor, provenance=provenance, cell=against))


def latency(*runs, **options):
    return next(r for r in compare(campaign(*runs), **options).rows if r.run.run_id == "new").latency


def test_cells_of_one_block_are_paired_by_round():
    found = latency(cell("base", "digits:fp32", 1.0, block=BLOCK), cell("new", "digits:int8", 1.05, block=BLOCK))
    assert (found.paired, found.n, found.finding) == (True, 60, "higher")
    assert found.value == pytest.approx(1.05, rel=0.005)
    assert found.ci95[1] / found.ci95[0] < 1.02


@pytest.mark.parametrize("other", [{**BLOCK, "id": "b-2"}, None, "b-1", {"id": 1}, {"id": ""}])
def test_cells_of_two_blocks_are_not_paired_though_their_rounds_have_the_same_numbers(other):
    base = cell("base", "digits:fp32", 1.0, block=BLOCK, host_seed=2)
    found = latency(base, cell("new", "digits:int8", 1.05, block=other))
    assert not found.paired
    assert found.ci95[1] / found.ci95[0] > 1.13
    assert "apart" in found.method


def test_a_baseline_lane_of_the_same_attempt_is_paired_and_outranks_the_metric():
    new = cell("new", "digits:int8", 0.5, baseline=rounds(1.0))
    found = latency(cell("base", "digits:fp32", 1.0, host_seed=9), new)
    assert (found.paired, found.finding) == (True, "lower")
    assert found.value == pytest.approx(0.5, rel=0.005)


def test_a_pair_in_another_campaign_is_apart_though_the_blocks_share_a_name():
    old = campaign(cell("base", "digits:int8", 1.0))
    found = next(iter(compare(campaign(cell("new", "digits:int8", 1.0, host_seed=3)), against=old).rows)).latency
    assert (found.paired, found.finding) == (False, "no detectable difference")


@pytest.mark.parametrize(
    "garbage",
    [None, "x", 3, [], [[0]], [[0, 0, "x"]], [[0, 0, float("nan")]], [[0, 0, -1.0]], [["0", 0, 1.0]], [None], {"a": 1}],
)
def test_rounds_in_another_form_are_no_rounds_and_the_metric_is_used(garbage):
    measured = result(p50=5.0, provenance={"rounds": {"model": garbage}})
    assert rounds_of(measured) == []
    assert rounds_of(replace(measured, provenance={"rounds": garbage})) == []
    found = latency(run("base", measured=result(p50=10.0)), run("new", model="digits:int8", measured=measured))
    assert found.value == pytest.approx(0.5)
    assert not found.paired


def test_rounds_carry_their_start_where_it_is_known():
    held = result(provenance={"rounds": {"model": [[0, 1, 5.0, 77], [0, 2, 5.0]]}, "block": BLOCK})
    assert [r.start_ns for r in rounds_of(held)] == [77, None]
    assert block_of(held) == "b-1"


def test_an_interval_of_two_values_alone_is_wider_than_both_for_the_time_between():
    found = latency(run("base", measured=result(p50=10.0)), run("new", model="digits:int8", measured=result(p50=10.5)))
    assert found.finding == "no detectable difference"
    assert found.ci95[1] / found.ci95[0] > 1.13
