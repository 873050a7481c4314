"""The fake takes the time it is told to, call by call, and says that it is one."""

from __future__ import annotations

import math
import struct
import time
from itertools import pairwise
from statistics import fmean, pstdev

import pytest

from benchfleet.agent.runner.contract import Options, RuntimeFault
from benchfleet.agent.runtimes import fake


def session(**told):
    return fake.load("", Options(1, 2, told))


def told_us(count, **told):
    """What the trace says, without spending it."""
    made = session(**told)
    return [next(made._next_us) for _ in range(count)]


def numbers(made):
    (tensor,) = made.outputs()
    return struct.unpack("<8f", tensor.data)


def test_a_call_takes_at_least_its_time_whether_it_spins_or_sleeps():
    for wait in ("spin", "sleep"):
        made = session(latency_us=2000, noise=0, wait=wait)
        started = time.perf_counter_ns()
        made.run()
        assert time.perf_counter_ns() - started >= 2_000_000


def test_it_says_that_it_is_simulated_and_what_it_was_told():
    facts = session(trace="ar1").facts
    assert facts["simulated"] is True
    assert facts["told"] == {"trace": "ar1"}


def test_neighbours_of_an_autoregressive_trace_are_alike_and_its_spread_is_the_noise():
    logs = [math.log(us / 500) for us in told_us(20_000, trace="ar1", latency_us=500, noise=0.1, phi=0.9)]
    middle, spread = fmean(logs), pstdev(logs)
    together = fmean((a - middle) * (b - middle) for a, b in pairwise(logs))
    assert spread == pytest.approx(0.1, rel=0.15)
    assert together / spread**2 == pytest.approx(0.9, abs=0.07)


@pytest.mark.parametrize(
    ("told", "age_s", "factor"),
    [
        ({"trace": "constant"}, 5.0, 1.0),
        ({"trace": "bimodal", "slow": 1.4, "every_s": 2.0}, 1.0, 1.0),
        ({"trace": "bimodal", "slow": 1.4, "every_s": 2.0}, 3.0, 1.4),
        ({"trace": "drift", "slow": 2.0, "every_s": 10.0}, 5.0, 1.5),
        ({"trace": "step", "slow": 1.3, "every_s": 4.0}, 3.9, 1.0),
        ({"trace": "step", "slow": 1.3, "every_s": 4.0}, 4.1, 1.3),
    ],
)
def test_a_trace_follows_the_time_since_loading(monkeypatch, told, age_s, factor):
    now_s = [100.0]
    monkeypatch.setattr(fake.time, "monotonic", lambda: now_s[0])
    made = session(latency_us=1000, noise=0, **told)
    now_s[0] += age_s
    assert next(made._next_us) == pytest.approx(1000 * factor)


def test_a_stall_comes_once_when_it_is_due(monkeypatch):
    now_s = [0.0]
    monkeypatch.setattr(fake.time, "monotonic", lambda: now_s[0])
    made = session(latency_us=1000, noise=0, trace="stall", every_s=2.0, stall_ms=100)
    found = []
    for now_s[0] in (1.9, 2.1, 2.2, 3.9, 4.0, 4.1):
        found.append(next(made._next_us))
    assert found == [1000, 101_000, 1000, 1000, 101_000, 1000]


def test_a_file_is_replayed_round_and_round(tmp_path):
    (tmp_path / "t").write_text("100\n250.5\n\n300\n")
    assert told_us(5, trace="file", file=str(tmp_path / "t")) == [100, 250.5, 300, 100, 250.5]


@pytest.mark.parametrize("text", ["", "abc\n", "-1\n", "nan\n"])
def test_a_file_that_holds_no_latencies_is_refused(tmp_path, text):
    (tmp_path / "t").write_text(text)
    with pytest.raises(RuntimeFault, match="fake: file"):
        session(trace="file", file=str(tmp_path / "t"))


@pytest.mark.parametrize("told", [{"trace": "square"}, {"wait": "poll"}, {"trace": "file", "file": "/nowhere"}])
def test_what_it_does_not_know_is_refused_with_what_it_does(told):
    with pytest.raises(RuntimeFault, match="fake: "):
        session(**told)


def test_outputs_become_nan_with_the_call_that_was_named():
    made = session(latency_us=0, nan_after=3)
    found = []
    for _ in range(4):
        made.run()
        found.append(any(math.isnan(v) for v in numbers(made)))
    assert found == [False, False, True, True]


def test_unstable_outputs_differ_and_stable_ones_do_not():
    for unstable in (False, True):
        made = session(latency_us=0, unstable=unstable)
        made.run()
        first = numbers(made)
        made.run()
        assert (numbers(made) != first) is unstable
