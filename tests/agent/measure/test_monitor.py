"""The cost of the sampler is seen in pairs, and the sampler is on afterwards whatever happens."""

from __future__ import annotations

import random

import pytest

from benchfleet.agent.env import live
from benchfleet.agent.measure import monitor
from benchfleet.agent.sampler import Sampler
from benchfleet.core.evidence import Evidence, Lane
from benchfleet.core.metric import catalogue


async def pairs(tmp_path, cost_ns, count=20, drift=1.0):
    """A model of a millisecond that the sampler slows by `cost_ns`, on a host that slows by `drift` each round."""
    sampler = Sampler(live(tmp_path))
    now_ns, seen = 1_000_000.0, []

    async def timed():
        nonlocal now_ns
        now_ns *= drift
        seen.append(sampler._paused)
        return [round(now_ns + (0 if sampler._paused else cost_ns))] * 5

    found = await monitor.pairs(timed, sampler, count, random.Random(1))
    assert not sampler._paused
    return found, seen


def ratio(found):
    lane = Lane(rounds=(), launches=(), outputs=None)
    seen = Evidence(model=lane, baseline=None, batch=1, model_size_bytes=1, monitor_pairs_ns=tuple(found))
    return catalogue()["monitor_overhead_ratio"].compute(seen)


async def test_a_cost_of_three_percent_is_seen(tmp_path):
    found, _ = await pairs(tmp_path, 30_000)
    assert ratio(found).value == pytest.approx(1.03)
    assert ratio(found).n == 20


async def test_a_host_that_slows_down_is_no_cost(tmp_path):
    found, _ = await pairs(tmp_path, 0, count=100, drift=1.01)
    low, high = ratio(found).ci95
    assert low < 1 < high


async def test_each_pair_has_one_of_each_in_an_order_that_varies(tmp_path):
    _, seen = await pairs(tmp_path, 0)
    both = [tuple(seen[i : i + 2]) for i in range(0, len(seen), 2)]
    assert set(both) == {(False, True), (True, False)}


async def test_a_round_that_fails_leaves_the_sampler_on(tmp_path):
    sampler = Sampler(live(tmp_path))

    async def timed():
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        await monitor.pairs(timed, sampler, 3, random.Random(0))
    assert not sampler._paused


def test_without_pairs_there_is_no_cost_and_the_reason():
    assert "sampler off" in ratio([]).reason
