"""Numbers of the scenarios: exact on made-up rounds, and missing with a reason where the scenario has none."""

from __future__ import annotations

import pytest

from benchfleet.core.evidence import Evidence, Lane, Launch, Round
from benchfleet.core.metric import catalogue

MS = 1_000_000
LAUNCH = Launch(
    load_ns=5 * MS, first_inference_ns=MS, warmup_converged=True, memory_base_bytes=None, memory_loaded_bytes=None,
    memory_peak_bytes=None,
)  # fmt: skip


def a_round(wall_ms, *, index=0, start_ns=0, span_ns=None, samples=None, unserved=0, **extra_ms):
    wall_ns = tuple(int(x * MS) for x in wall_ms)
    extra = {f"{k}_ns" if k != "batch" else k: tuple(v if k == "batch" else (int(x * MS) for x in v))
             for k, v in extra_ms.items()}  # fmt: skip
    return Round(
        launch=0, index=index, start_ns=start_ns, end_ns=start_ns + (span_ns or sum(wall_ns)), wall_ns=wall_ns,
        cpu_ns=0, runq_wait_ns=0, samples=samples, unserved=unserved, extra=extra,
    )  # fmt: skip


def value(name, rounds, scenario, launches=(LAUNCH,), **params):
    lane = Lane(rounds=tuple(rounds), launches=launches, outputs=None)
    seen = Evidence(model=lane, baseline=None, batch=1, model_size_bytes=1, scenario=scenario, scenario_params=params)
    return catalogue()[name].compute(seen)


def test_a_frame_misses_when_it_is_later_than_the_next_or_than_the_deadline_or_never_comes():
    frames = a_round([10, 34, 33, 40], scheduled=[0, 33.3, 66.7, 100])
    assert value("deadline_miss_ratio", [frames], "realtime", fps=30, deadline_s=None).value == 0.5
    assert value("deadline_miss_ratio", [frames], "realtime", fps=30, deadline_s=0.02).value == 0.75
    lost = a_round([10, 34, 33, 40], scheduled=[0, 33.3, 66.7, 100], unserved=1)
    found = value("deadline_miss_ratio", [lost], "realtime", fps=30, deadline_s=None)
    assert found.value == 3 / 5
    assert found.n == 5
    assert found.ci95[0] < 3 / 5 < found.ci95[1]


def test_no_miss_is_zero_and_its_interval_says_how_little_was_seen():
    frames = a_round([1] * 10, scheduled=range(10))
    found = value("deadline_miss_ratio", [frames], "realtime", fps=30, deadline_s=None)
    assert found.value == found.ci95[0] == 0
    assert found.ci95[1] == pytest.approx(0.2775, abs=1e-3)  # Wilson, 0 of 10


def test_a_bound_needs_a_p99_and_every_query_served():
    good = a_round([1] * 400, scheduled=range(400))
    assert value("latency_bound_met", [good], "server", qps=1, latency_bound_s=0.05).value == 1
    assert value("latency_bound_met", [good], "server", qps=1, latency_bound_s=0.0005).value == 0
    lost = a_round([1] * 400, scheduled=range(400), unserved=1)
    assert value("latency_bound_met", [lost], "server", qps=1, latency_bound_s=0.05).value == 0
    few = value("latency_bound_met", [a_round([1] * 9, scheduled=range(9))], "server", qps=1, latency_bound_s=0.05)
    assert (few.value, "368" in few.reason) == (None, True)
    assert "no latency_bound" in value("latency_bound_met", [good], "server", qps=1, latency_bound_s=None).reason


def test_lag_has_a_p99_only_with_enough_arrivals():
    lags = a_round([1] * 400, scheduled=range(400), lag=[0.001] * 395 + [0.5] * 5)
    assert value("dispatch_lag_us_p50", [lags], "server").value == pytest.approx(1)
    assert value("dispatch_lag_us_p99", [lags], "server").value == pytest.approx(500)
    few = a_round([1] * 9, scheduled=range(9), lag=[0.001] * 9)
    assert "368" in value("dispatch_lag_us_p99", [few], "server").reason


def test_busy_is_time_in_calls_over_time_of_the_schedule_whether_gathered_or_not():
    alone = a_round([5, 5, 5], scheduled=[0, 10, 20], service=[5, 5, 5])
    assert value("busy_ratio", [alone], "server").value == pytest.approx(15 / 20)
    together = a_round([5, 5, 5], scheduled=[0, 10, 20], service=[6, 6, 4], batch=[2, 2, 1])
    assert value("busy_ratio", [together], "dynamic_batching").value == pytest.approx(10 / 20)
    assert value("gathered_batch_mean", [together], "dynamic_batching").value == pytest.approx(1.5)


def test_waking_counts_calls_after_a_pause_only():
    # The second frame was due while the first was worked on: it did not wake anything.
    frames = a_round([30, 40, 4], scheduled=[1, 20, 100], service=[30, 9, 4], back_to_back=[2, 2, 2])
    assert value("idle_wake_ratio", [frames], "realtime").value == pytest.approx((30 + 4) / 2 / 2)


def test_throughput_counts_what_went_through_and_says_when_it_was_paced():
    unrecorded = a_round([1, 1], span_ns=100 * MS, samples=90)
    assert value("throughput_per_s", [unrecorded], "sustained").value == pytest.approx(900)
    paced = a_round([1, 1], span_ns=100 * MS, samples=2, scheduled=[0, 50])
    assert "as paced" in value("throughput_per_s", [paced], "server").method
    assert "not a stream" in value("throughput_per_s", [a_round([6], samples=0)], "cold_start").reason
    assert value("streams", [unrecorded], "offline", streams=4).value == 4


def test_burst_is_the_first_tenth_and_sustained_the_last():
    windows = [
        a_round([1.0 if i < 2 else 1.1 if i < 18 else 1.5] * 5, index=i, start_ns=i * 5_000 * MS, span_ns=5_000 * MS)
        for i in range(20)
    ]
    params = {"duration_s": 100.0}
    assert value("burst_ms_p50", windows, "sustained", **params).value == 1.0
    assert value("sustained_ms_p50", windows, "sustained", **params).value == 1.5
    assert value("sustained_over_burst_ratio", windows, "sustained", **params).value == 1.5
    assert "windows" in value("sustained_over_burst_ratio", windows[:9], "sustained", **params).reason
    assert "sustained" in value("sustained_over_burst_ratio", windows, "offline", streams=1).reason


def test_of_an_hour_the_burst_is_the_first_minute():
    windows = [
        a_round([1.0 if i < 6 else 2.0] * 5, index=i, start_ns=i * 10_000 * MS, span_ns=10_000 * MS) for i in range(360)
    ]
    assert value("burst_ms_p50", windows, "sustained", duration_s=3600.0).n == 6 * 5
    assert value("burst_ms_p50", windows, "sustained", duration_s=3600.0).value == 1.0


def test_a_start_is_loading_and_the_first_call_over_launches():
    slow = Launch(
        load_ns=10 * MS, first_inference_ns=4 * MS, warmup_converged=True, memory_base_bytes=None,
        memory_loaded_bytes=None, memory_peak_bytes=None,
    )  # fmt: skip
    launches = (LAUNCH, LAUNCH, slow)
    assert value("cold_start_ms_p50", [], "cold_start", launches).value == pytest.approx(6)
    assert value("cold_start_ms_max", [], "cold_start", launches).value == pytest.approx(14)
    assert value("cold_start_ms_p50", [], "cold_start", launches).n == 3
    assert value("cold_start_ms_p50", [], "cold_start", launches).ci95 is None, "three launches bound no median"


@pytest.mark.parametrize("launches", [2, 5, 6, 10, 20])
def test_a_start_measured_as_a_latency_and_as_a_start_is_one_number_with_one_interval(launches):
    walls_ms = [20 + (7 * i) % 11 for i in range(launches)]
    rounds = [a_round([ms], index=i, samples=0) for i, ms in enumerate(walls_ms)]
    starts = [
        Launch(
            load_ns=(ms - 1) * MS, first_inference_ns=MS, warmup_converged=True, memory_base_bytes=None,
            memory_loaded_bytes=None, memory_peak_bytes=None,
        )
        for ms in walls_ms
    ]  # fmt: skip
    latency = value("latency_ms_p50", rounds, "cold_start", starts)
    start = value("cold_start_ms_p50", rounds, "cold_start", starts)
    assert (start.value, start.n) == (pytest.approx(latency.value), launches)
    assert (start.ci95 is None) == (latency.ci95 is None) == (launches < 6)
    assert start.ci95 is None or start.ci95 == pytest.approx(latency.ci95)


@pytest.mark.parametrize(
    "name",
    ["deadline_miss_ratio", "latency_bound_met", "dispatch_lag_us_p99", "service_ms_p50", "busy_ratio", "queries",
     "idle_wake_ratio", "gathered_batch_mean", "sustained_over_burst_ratio", "burst_ms_p50"],
)  # fmt: skip
def test_what_a_scenario_does_not_tell_is_missing_with_a_reason(name):
    found = value(name, [a_round([1] * 500)], "single_stream")
    assert found.value is None
    assert found.reason
