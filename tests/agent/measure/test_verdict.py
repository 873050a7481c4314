"""Each flag is raised by what it names, and a quiet host raises none."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchfleet.agent.measure import verdict
from benchfleet.agent.measure.profiles import PROFILES
from benchfleet.core.evidence import Evidence, Lane, Launch, OutputCheck, Round
from benchfleet.core.metric import compute_all
from benchfleet.core.samples import SensorSeries

LAUNCH = Launch(
    load_ns=1, first_inference_ns=1, warmup_converged=True, memory_base_bytes=1, memory_loaded_bytes=1,
    memory_peak_bytes=1, facts={"harness_overhead_us": 3.0},
)  # fmt: skip
OUTPUTS = OutputCheck(
    samples=1, nan_count=0, inf_count=0, hits_top1=None, hits_top5=None, labelled=0, predictions=(), first_outputs=(),
    stable=True,
)  # fmt: skip
QUIET = {"cpu_pressure_avg10": 0.5, "steal_ratio": 0.0, "clocksource": "tsc", "turn_taken": True}


def rounds(scale=1.0, *, launches=3, wait_ns=0, speed=lambda i: 1.0, calls=30):
    return tuple(
        Round(
            launch=n, index=i, start_ns=0, end_ns=calls * 1_000_000, cpu_ns=0, runq_wait_ns=wait_ns * calls,
            wall_ns=tuple(int(scale * speed(i) * (1_000_000 + 100 * k)) for k in range(calls)),
        )
        for n in range(launches)
        for i in range(20)
    )  # fmt: skip


def model(**more):
    return Lane(**{"rounds": rounds(), "launches": (LAUNCH,) * 3, "outputs": OUTPUTS, **more})


def flags(lane=None, *, host=None, profile="standard", **more):
    seen = Evidence(model=lane or model(), baseline=None, batch=1, model_size_bytes=1, **more)
    found = verdict.reasons(seen, compute_all(seen), PROFILES[profile], {**QUIET, **(host or {})})
    assert all(reason.detail for reason in found)
    return {reason.flag: reason.severity for reason in found}


def temperature(*values):
    times = tuple(range(len(values)))
    return (
        SensorSeries(
            sensor="t", kind="temperature_c", scope="soc", source="synthetic", times_ns=times, values=tuple(values)
        ),
    )


def test_a_quiet_host_and_a_good_model_raise_nothing():
    assert flags() == {}


@pytest.mark.parametrize(
    ("lane", "flag", "severity"),
    [
        (model(outputs=None), "outputs_unchecked", "invalid"),
        (model(outputs=replace(OUTPUTS, nan_count=1)), "nan_inf", "invalid"),
        (model(outputs=replace(OUTPUTS, inf_count=1)), "nan_inf", "invalid"),
        (model(outputs=replace(OUTPUTS, stable=False)), "output_unstable", "degraded"),
        (model(rounds=rounds(wait_ns=30_000)), "background_load", "degraded"),
        (model(rounds=rounds(wait_ns=200_000)), "background_load", "invalid"),
        (model(rounds=rounds(speed=lambda i: 1 + 0.5 * (i % 2))), "unstable", "degraded"),
        (model(rounds=rounds(speed=lambda i: 1 + 0.1 * (i % 2))), "ci_target_not_met", "degraded"),
        (model(rounds=()), "too_few_samples", "invalid"),
        (model(rounds=rounds(calls=2)), "too_few_samples", "degraded"),
        (model(launches=(replace(LAUNCH, warmup_converged=False),) * 3), "warmup_not_converged", "degraded"),
        (model(rounds=rounds(0.1)), "overhead_significant", "degraded"),
        (model(launches=(replace(LAUNCH, facts={"simulated": True}),)), "simulated", "degraded"),
    ],
)
def test_what_was_seen_raises_its_flag(lane, flag, severity):
    assert flags(lane)[flag] == severity


@pytest.mark.parametrize(
    ("host", "flag"),
    [
        ({"cpu_pressure_avg10": 20.0}, "background_load"),
        ({"steal_ratio": 0.05}, "steal"),
        ({"clocksource": "jiffies"}, "clock_suspect"),
        ({"turn_taken": False}, "turn_not_taken"),
    ],
)
def test_what_the_host_says_raises_its_flag(host, flag):
    assert flags(host=host) == {flag: "degraded"}


def test_launches_that_disagree_are_flagged_by_their_spread():
    fast = rounds()
    slow = tuple(replace(r, launch=9, wall_ns=tuple(x * 2 for x in r.wall_ns)) for r in rounds(launches=1))
    assert "launch_spread" in flags(model(rounds=fast + slow))


def test_a_tail_is_the_scheduler_s_only_under_load():
    spiky = tuple(replace(r, wall_ns=(*r.wall_ns[:-1], 9_000_000)) for r in rounds(wait_ns=50_000))
    calm = tuple(replace(r, runq_wait_ns=0) for r in spiky)
    assert "noisy_tail" in flags(model(rounds=spiky))
    assert "noisy_tail" not in flags(model(rounds=calm))


def test_a_short_model_is_not_flagged_where_calling_it_costs_next_to_nothing():
    cheap = replace(LAUNCH, facts={"harness_overhead_us": 0.5})
    assert flags(model(rounds=rounds(0.1), launches=(cheap,) * 3)) == {}


def test_one_launch_says_so():
    assert flags(profile="quick") == {"single_launch": "degraded"}


def test_heating_up_and_a_costly_sampler_are_told():
    assert flags(telemetry=temperature(40.0, 47.0)) == {"thermal_drift": "degraded"}
    assert flags(telemetry=temperature(40.0, 44.0)) == {}
    assert flags(sampler_cpu_ratio=0.02) == {"sampler_overrun": "degraded"}


@pytest.mark.parametrize(("late_ratio", "expected"), [(0.04, {}), (0.06, {"sampler_overrun": "degraded"})])
def test_samples_that_came_late_are_told_above_one_in_twenty(late_ratio, expected):
    assert flags(sampler_late_ratio=late_ratio) == expected


def test_among_what_makes_a_number_invalid_wrong_outputs_are_told_first():
    bad = model(rounds=rounds(wait_ns=200_000), outputs=replace(OUTPUTS, nan_count=1))
    assert list(flags(bad))[:2] == ["nan_inf", "background_load"]


def served(*, lag_us=1.0, service_ms=1.0, gap_ms=10.0, unserved=0):
    def one(i):
        count = 400
        return Round(
            launch=i, index=0, start_ns=0, end_ns=count * 10_000_000, cpu_ns=0, runq_wait_ns=0, unserved=unserved,
            wall_ns=(int(service_ms * 1e6),) * count,
            extra={
                "scheduled_ns": tuple(int(k * gap_ms * 1e6) for k in range(count)),
                "lag_ns": (int(lag_us * 1e3),) * count,
                "service_ns": (int(service_ms * 1e6),) * count,
            },
        )  # fmt: skip

    lane = model(rounds=tuple(one(i) for i in range(3)))
    seen = Evidence(
        model=lane, baseline=None, batch=1, model_size_bytes=1, scenario="server", scenario_params={"qps": 100.0}
    )
    found = verdict.reasons(seen, compute_all(seen), PROFILES["standard"], QUIET)
    return {r.flag: r.severity for r in found if r.flag in ("dispatch_lag", "overloaded", "near_capacity")}


def test_a_schedule_that_we_did_not_keep_is_invalid():
    assert served() == {}
    assert served(lag_us=99) == {}
    assert served(lag_us=101) == {"dispatch_lag": "invalid"}


def test_more_than_the_model_can_do_has_no_latency_of_its_own():
    assert served(service_ms=9.0) == {}
    assert served(service_ms=9.7) == {"near_capacity": "degraded"}
    assert served(service_ms=10.1) == {"overloaded": "invalid"}
    assert served(unserved=1) == {"overloaded": "invalid"}
