"""The estimate is LoadGen's own, to the nanosecond."""

from __future__ import annotations

import re
import subprocess
import sys
from fractions import Fraction
from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as some

from benchfleet.core import early_stopping as es


@pytest.mark.parametrize(("q", "n"), es.GRADES.items())
def test_the_grade_begins_where_one_query_may_be_too_long(q, n):
    assert not es.loadgen_grade(n - 1, q)
    assert es.loadgen_grade(n, q)
    assert es.overlong(n, q) == 1


@pytest.mark.parametrize(("n", "left_out"), [(921, 70), (50_956, 4937)])
def test_as_many_are_left_out_as_loadgen_printed(n, left_out):
    assert es.overlong(n, 0.9) - 1 == left_out


@given(some.integers(1, 800), some.sampled_from([0.9, 0.95, 0.99]))
def test_the_count_is_the_largest_that_the_exact_binomial_allows(n, q):
    p = 1 - Fraction(str(q))

    def at_most(t):
        return sum(comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(t + 1))

    t = es.overlong(n, q)
    assert t == 0 or at_most(t) <= Fraction(1, 100)
    assert at_most(t + 1) > Fraction(1, 100)


def test_a_million_queries_take_no_longer_than_their_binomial_s_width():
    assert es.overlong(1_000_000, 0.99) == 9768


def test_few_queries_have_no_estimate_and_the_first_is_the_longest():
    assert es.estimate(list(range(63)), 0.9) is None
    assert es.estimate(list(range(64)), 0.9) == 63
    assert es.estimate([], 0.9) is None


DRIVE = """
import random, sys, time
import mlperf_loadgen as lg

def issue(samples):
    for sample in samples:
        until = time.perf_counter_ns() + random.randrange(10_000, 200_000)
        while time.perf_counter_ns() < until:
            pass
        lg.QuerySamplesComplete([lg.QuerySampleResponse(sample.id, 0, 0)])

settings = lg.TestSettings()
settings.scenario, settings.mode = lg.TestScenario.SingleStream, lg.TestMode.PerformanceOnly
settings.min_duration_ms, settings.min_query_count, settings.max_query_count = 0, 900, 900
outputs = lg.LogOutputSettings()
outputs.outdir, outputs.copy_summary_to_stdout = sys.argv[1], False
log = lg.LogSettings()
log.log_output, log.enable_trace = outputs, True
system, library = lg.ConstructSUT(issue, lambda: None), lg.ConstructQSL(16, 16, lambda _: None, lambda _: None)
lg.StartTestWithLogSettings(system, library, settings, log)
"""


def test_the_same_queries_give_what_loadgen_prints(tmp_path):
    pytest.importorskip("mlperf_loadgen", reason="MLCommons has no wheel of LoadGen for this machine")
    subprocess.run([sys.executable, "-c", DRIVE, str(tmp_path)], check=True, timeout=60)
    trace = (tmp_path / "mlperf_log_trace.json").read_text()
    taken_ns = sorted(int(ns) for ns in re.findall(r'"complete_ns":(\d+)', trace))
    summary = (tmp_path / "mlperf_log_summary.txt").read_text()
    printed = {float(p): int(ns) for p, ns in re.findall(r"stopping ([0-9.]+)th percentile estimate: (\d+)", summary)}
    assert f"({len(taken_ns)})" in summary
    assert f"discard {es.overlong(len(taken_ns), 0.9) - 1} highest" in summary
    assert printed == {90.0: es.estimate(taken_ns, 0.9), 99.0: es.estimate(taken_ns, 0.99)}
