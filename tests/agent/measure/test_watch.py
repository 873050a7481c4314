"""What happened on the host: each fact from the counters it comes from, and nothing where they are not there."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time

import pytest

from benchfleet.agent.measure import watch
from benchfleet.agent.measure.watch import Cpus, Watch, changes


def reading(*, at_s=0.0, busy_s=0.0, stolen_s=0.0, total_s=0.0, own_s=0.0, stalled_s=0.0, source="tsc", **clocks):
    return {
        "monotonic_s": at_s, "cpus": Cpus(busy_s, stolen_s, total_s), "own_s": own_s, "stalled_s": stalled_s,
        "source": source, "clocks": {"wall": 1000.0, "boot": 5.0, "raw": 0.0, **clocks},
    }  # fmt: skip


def after(**more):
    return changes(reading(), reading(**{"at_s": 10.0, "total_s": 20.0, **more}))


def test_a_quiet_span_has_no_load_no_step_and_no_pause():
    assert after(busy_s=10.0, own_s=10.0) == {
        "steal_ratio": 0.0, "other_cpus": 0.0, "cpu_pressure_ratio": 0.0, "suspended_s": 0.0, "wall_clock_step_s": 0.0,
        "clock_slew_ppm": 0.0,
    }  # fmt: skip


def test_the_cpu_of_others_is_what_all_used_less_our_own_and_our_children_s():
    assert after(busy_s=15.0, own_s=10.0)["other_cpus"] == 0.5
    assert after(busy_s=9.0, own_s=10.0)["other_cpus"] == 0.0


def test_steal_is_a_share_of_all_ticks_and_pressure_one_of_the_span():
    assert after(stolen_s=1.0)["steal_ratio"] == 0.05
    assert after(stalled_s=2.0)["cpu_pressure_ratio"] == 0.2


def test_a_suspension_is_no_step_of_the_wall_clock_and_a_step_is_no_suspension():
    slept = after(wall=1003.0, boot=8.0)
    assert (slept["suspended_s"], slept["wall_clock_step_s"]) == (3.0, 0.0)
    stepped = after(wall=998.0)
    assert (stepped["suspended_s"], stepped["wall_clock_step_s"]) == (0.0, -2.0)


def test_a_slewed_clock_is_told_in_parts_per_million():
    assert after(raw=-0.001)["clock_slew_ppm"] == pytest.approx(100.0)


def test_a_clock_source_that_changed_is_named():
    assert after(source="hpet")["clocksource_became"] == "hpet"
    assert "clocksource_became" not in after()


def test_a_host_that_tells_nothing_gives_no_facts_but_those_of_clocks(tmp_path):
    found = Watch(tmp_path).facts()
    assert not {"steal_ratio", "other_cpus", "cpu_pressure_ratio", "clocksource_became"} & set(found)
    assert abs(found["wall_clock_step_s"]) < 0.05
    assert abs(found["suspended_s"]) < 0.05


def test_a_child_s_cpu_is_our_own_once_it_has_ended():
    before = sum(__import__("os").times()[:4])
    subprocess.run([sys.executable, "-c", "sum(i * i for i in range(2_000_000))"], check=True)
    assert sum(__import__("os").times()[:4]) > before


async def test_the_time_in_which_the_agent_did_not_run_is_noted(monkeypatch):
    monkeypatch.setattr(watch, "BEAT_S", 0.01)
    seen = Watch()
    async with seen.beating():
        await asyncio.sleep(0.03)
        time.sleep(0.3)  # noqa: ASYNC251 - the loop is held up on purpose
        await asyncio.sleep(0.03)
    assert seen.facts()["agent_gap_s"] >= 0.25
