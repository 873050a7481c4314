"""Numbers from evidence: exact where they are defined, missing with a reason where they are not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchfleet.core import metric
from benchfleet.core.evidence import Evidence, Lane, Launch, OutputCheck, Round
from benchfleet.core.metric import catalogue, compute_all
from benchfleet.core.results import Value

LAUNCH = Launch(
    load_ns=5_000_000, first_inference_ns=900_000, warmup_converged=True, memory_base_bytes=100,
    memory_loaded_bytes=150, memory_peak_bytes=180, facts={},
)  # fmt: skip
OUTPUTS = OutputCheck(
    samples=10, nan_count=0, inf_count=0, predictions=(0, 1, 2, 3, 4, 5, 6, 7, 8, 9), stable=True,
)  # fmt: skip


def round_of(index, wall_ns, *, launch=0, wait_ns=0, waits=True):
    waits_ns = tuple([wait_ns] * len(wall_ns)) if waits else ()
    return Round(
        launch=launch, index=index, start_ns=0, end_ns=2 * sum(wall_ns), wall_ns=tuple(wall_ns), cpu_ns=0,
        runq_wait_ns=wait_ns * len(wall_ns), runq_waits_ns=waits_ns,
    )  # fmt: skip


def lane(scale=1, **more):
    rounds = tuple(round_of(i, [scale * (1_000_000 + k) for k in range(40)], **more) for i in range(10))
    return Lane(rounds=rounds, launches=(LAUNCH,), outputs=OUTPUTS)


def evidence(**more):
    return Evidence(**{"model": lane(), "baseline": None, "batch": 4, "model_size_bytes": 7, **more})


def value(name, seen):
    return catalogue()[name].compute(seen)


def test_nothing_measured_is_missing_everywhere_and_never_zero():
    empty = Lane(rounds=(), launches=(), outputs=None)
    found = compute_all(Evidence(model=empty, baseline=None, batch=1, model_size_bytes=7))
    known = {name for name, v in found.items() if v.value is not None}
    assert known == {"batch_size", "model_size_bytes", "streams"}
    assert all(found[name].reason for name in set(found) - known)


def test_throughput_is_samples_over_wall_time_and_not_over_latency():
    assert value("throughput_per_s", evidence()).value == pytest.approx(4 * 1e9 / 2_000_039, rel=1e-6)


def test_the_ratio_is_paired_by_round_whatever_the_host_did():
    slow_host = [
        round_of(i, [(1 + i + 10 * launch) * 1000 * (1 + k % 2) for k in range(20)], launch=launch)
        for launch in range(3)
        for i in range(10)
    ]
    double = [round_of(r.index, [2 * x for x in r.wall_ns], launch=r.launch) for r in slow_host]
    seen = evidence(model=replace(lane(), rounds=tuple(double)), baseline=replace(lane(), rounds=tuple(slow_host)))
    found = value("latency_ratio_to_baseline", seen)
    assert found.value == pytest.approx(2)
    assert found.ci95 == pytest.approx((2, 2))


def test_waiting_for_a_cpu_is_taken_off_call_by_call():
    seen = evidence(model=lane(wait_ns=250_000))
    wall, free = value("latency_ms_p50", seen).value, value("contention_free_ms_p50", seen).value
    assert wall - free == pytest.approx(0.25)
    assert value("runq_share", seen).value == pytest.approx(0.125, rel=1e-3)


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"threads": 2}, "one thread"),
        ({"model": lane(waits=False)}, "below 0.2 ms"),
        ({"model": replace(lane(), rounds=(replace(lane().rounds[0], runq_wait_ns=None),))}, "schedstat"),
    ],
)
def test_without_the_waits_of_every_call_nothing_is_corrected(more, says):
    found = value("contention_free_ms_p50", evidence(**more))
    assert found.value is None
    assert says in found.reason


def test_memory_is_the_largest_of_the_launches():
    big = replace(LAUNCH, memory_peak_bytes=500)
    seen = evidence(model=replace(lane(), launches=(LAUNCH, big)))
    assert value("memory_peak_bytes", seen).value == 500
    assert value("memory_delta_bytes", seen).value == 400


def test_launches_that_disagree_have_a_spread():
    rounds = (round_of(0, [100] * 20, launch=0), round_of(0, [110] * 20, launch=1), round_of(0, [100] * 20, launch=2))
    assert value("launch_spread_ratio", evidence(model=replace(lane(), rounds=rounds))).value == pytest.approx(0.1)


@pytest.mark.parametrize("metric", catalogue().values(), ids=list(catalogue()))
def test_a_metric_says_what_it_is(metric):
    assert metric.help
    assert metric.how
    assert metric.unit
    assert value(metric.name, evidence()).value is not None or value(metric.name, evidence()).reason


def test_a_number_that_cannot_be_is_missing_with_its_reason(monkeypatch):
    odd = replace(catalogue()["latency_ms_mean"], compute=lambda _: Value(value=-1.0))
    monkeypatch.setattr(metric, "catalogue", lambda: {odd.name: odd})
    found = compute_all(evidence())
    assert found["latency_ms_mean"].value is None
    assert "cannot be" in found["latency_ms_mean"].reason


def test_every_metric_has_a_range_of_its_own_or_of_its_unit():
    for each in catalogue().values():
        low, high = each.range
        assert low < high
        assert each.unit in metric.RANGES, f"give the unit {each.unit} of {each.name} its range"


def test_nothing_counted_in_no_output_is_missing_and_not_zero():
    none = replace(lane(), outputs=replace(OUTPUTS, samples=0, repeats=0))
    assert value("nan_count", evidence(model=none)).reason == "no output was checked"
    assert value("nan_count", evidence()).value == 0
