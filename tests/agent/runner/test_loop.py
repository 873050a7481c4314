"""The timed loop keeps its bounds, and what is read between calls is not timed."""

from __future__ import annotations

import time
from array import array

import pytest

from benchfleet.agent.runner import process
from benchfleet.agent.runner.loop import closed_loop


def out(room=1000):
    return array("q", bytes(8 * room))


def busy(span_ns):
    def run():
        until = time.perf_counter_ns() + span_ns
        while time.perf_counter_ns() < until:
            pass

    return run


def test_both_bounds_are_met():
    n, first, last = closed_loop(busy(100_000), out(), 3, 2_000_000, 10**9)
    assert n >= 3
    assert last - first >= 2_000_000


def test_a_slow_model_is_cut_at_the_cap_and_always_has_one_call():
    assert closed_loop(busy(5_000_000), out(), 20, 0, 1)[0] == 1


def test_a_full_array_ends_the_round():
    assert closed_loop(lambda: None, out(10), 20, 10**9, 10**10)[0] == 10


def test_what_happens_between_calls_is_not_timed():
    held = out()
    n, first, last = closed_loop(lambda: None, held, 5, 0, 10**9, lambda i: busy(2_000_000)())
    assert n == 5
    assert max(held[:n]) < 2_000_000
    assert last - first >= 8_000_000


def test_waits_of_calls_sum_to_what_the_kernel_counts():
    meter = process.WaitMeter(10)
    if not meter.there:
        pytest.fail("this kernel has no schedstat: run these tests on one that has")
    meter.restart()
    for i in range(10):
        busy(100_000)()
        meter.note(i)
    assert meter.since_restart_ns(10) >= sum(meter.waits) >= 0


def test_the_peak_of_memory_counts_from_settle():
    import subprocess
    import sys

    code = """
from benchfleet.agent.runner import process
held = bytearray(300 * 1024**2); del held
process.settle()
before = process.memory_bytes()
held = bytearray(50 * 1024**2)
after = process.memory_bytes()
base, peak_after_reset, peak = before["resident"], before["peak"], after["peak"]
print(peak_after_reset - base, peak - base)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    reset, grown = map(int, done.stdout.split())
    assert reset < 5 * 1024**2
    assert grown == pytest.approx(50 * 1024**2, rel=0.02)
