"""Each flag is raised by what it names, and a quiet host raises none."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchfleet.agent.measure import verdict
from benchfleet.agent.measure.flags import Seen, emulated, regime, throttle
from benchfleet.agent.measure.profiles import PROFILES
from benchfleet.core.evidence import Evidence, Lane, Launch, OutputCheck, Round
from benchfleet.core.metric import compute_all
from benchfleet.core.results import Value
from benchfleet.core.samples import SensorSeries

LAUNCH = Launch(
    load_ns=1, first_inference_ns=1, warmup_converged=True, memory_base_bytes=1, memory_loaded_bytes=1,
    memory_peak_bytes=1, facts={"harness_overhead_us": 3.0},
)  # fmt: skip
OUTPUTS = OutputCheck(
    samples=1, nan_count=0, inf_count=0, predictions=(), stable=True,
)  # fmt: skip
QUIET = {
    "cpu_pressure_ratio": 0.01, "other_cpus": 0.02, "steal_ratio": 0.001, "clocksource": "tsc", "turn_taken": True,
    "wall_clock_step_s": 0.0002, "clock_slew_ppm": 35.0, "suspended_s": 0.0, "agent_gap_s": 0.02,
}  # fmt: skip


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


EVIDENCE = Evidence(model=model(), baseline=None, batch=1, model_size_bytes=1)


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
        ({"cpu_pressure_ratio": 0.2}, "background_load"),
        ({"other_cpus": 1.0}, "background_load"),
        ({"steal_ratio": 0.05}, "steal"),
        ({"clocksource": "jiffies"}, "clock_suspect"),
        ({"clocksource_became": "hpet"}, "clock_suspect"),
        ({"wall_clock_step_s": -2.0}, "clock_suspect"),
        ({"clock_slew_ppm": 80_000.0}, "clock_suspect"),
        ({"suspended_s": 3.0}, "pause"),
        ({"agent_gap_s": 2.0}, "pause"),
        ({"turn_taken": False}, "turn_not_taken"),
        ({"power_mode_left": "it could not be put back"}, "power_mode_changed"),
    ],
)
def test_what_the_host_says_raises_its_flag(host, flag):
    assert flags(host=host) == {flag: "degraded"}


def test_a_power_mode_that_changed_meanwhile_is_no_number_of_either():
    assert flags(host={"power_mode_changed": ["nvpmodel was 15W and is MAXN"]}) == {"power_mode_changed": "invalid"}


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
    found = [r for r in found if r.flag in ("dispatch_lag", "overloaded", "near_capacity")]
    assert all(r.touches == ("running",) for r in found if r.severity == "invalid")  # outputs are what they were
    return {r.flag: r.severity for r in found}


def test_a_schedule_that_we_did_not_keep_is_invalid():
    assert served() == {}
    assert served(lag_us=99) == {}
    assert served(lag_us=101) == {"dispatch_lag": "invalid"}


def test_more_than_the_model_can_do_has_no_latency_of_its_own():
    assert served(service_ms=9.0) == {}
    assert served(service_ms=9.7) == {"near_capacity": "degraded"}
    assert served(service_ms=10.1) == {"overloaded": "invalid"}
    assert served(unserved=1) == {"overloaded": "invalid"}


def test_a_stop_within_a_call_is_told_and_one_between_calls_is_not():
    stopped = tuple(
        replace(r, stops=int(r.index == 3), wall_ns=(*r.wall_ns[:-1], r.wall_ns[-1] + 400_000_000 * (r.index == 3)))
        for r in rounds()
    )
    harmless = tuple(replace(r, stops=1) for r in rounds())
    assert flags(model(rounds=stopped))["pause"] == "degraded"
    assert "pause" not in flags(model(rounds=harmless))


def test_waits_of_worker_threads_count_only_where_an_engine_has_some():
    waiting = model(rounds=tuple(replace(r, tasks_wait_ns=3_000_000) for r in rounds()))
    assert flags(waiting, threads=2) == {"background_load": "degraded"}
    assert flags(waiting, threads=1) == {}


def test_load_that_the_correction_takes_away_is_not_called_unstable_too():
    loaded = tuple(
        replace(
            r,
            wall_ns=tuple(x + 500_000 * (r.index % 2) for x in r.wall_ns),
            runq_waits_ns=(500_000 * (r.index % 2),) * len(r.wall_ns),
            runq_wait_ns=500_000 * (r.index % 2) * len(r.wall_ns),
        )
        for r in rounds()
    )
    found = flags(model(rounds=loaded))
    assert found["background_load"] == "invalid"
    assert "unstable" not in found


def test_a_p99_of_calls_that_hang_together_is_told():
    bursts = tuple(
        replace(r, wall_ns=tuple(x * (3 if r.index == 7 else 1) for x in r.wall_ns)) for r in rounds(launches=1)
    )
    assert flags(model(rounds=bursts))["too_few_samples"] == "degraded"
    assert "too_few_samples" not in flags()


def test_a_gate_says_which_interval_stayed_too_wide():
    spiky = tuple(replace(r, wall_ns=(*r.wall_ns[:-1], 3_000_000 + 2_000_000 * (r.index % 3))) for r in rounds())
    assert "ci_target_not_met" in flags(model(rounds=spiky), profile="gate")
    assert "ci_target_not_met" not in flags(model(rounds=spiky), profile="standard")


@pytest.mark.parametrize(("ratio", "expected"), [(1.08, {"slow_regime"}), (0.93, {"slow_regime"}), (1.03, set())])
def test_a_host_off_its_usual_speed_is_told_by_the_reference_work(ratio, expected):
    seen = {"reference_ratio": Value(value=ratio)}
    found = regime.find(Seen(evidence=EVIDENCE, metrics=seen, profile=PROFILES["standard"], host=QUIET))
    assert {reason.flag for reason in found} == expected


@pytest.mark.parametrize(
    ("metric", "bad", "good"),
    [
        ("throttle_events", 1, 0),
        ("throttled_ratio", 0.02, 0),
        ("clock_ratio", 0.90, 0.97),
        ("sustained_over_burst_ratio", 1.08, 1.03),
    ],
)
def test_each_sign_of_throttling_is_told_and_no_sign_is_silent(metric, bad, good):
    for value, expected in ((bad, ["throttled"]), (good, [])):
        seen = Seen(evidence=EVIDENCE, metrics={metric: Value(value=value)}, profile=PROFILES["standard"], host=QUIET)
        assert [reason.flag for reason in throttle.find(seen)] == expected


def test_a_clock_that_steps_down_while_measuring_is_throttling():
    span = max(r.end_ns for r in rounds())
    times = tuple(span * i // 100 for i in range(100))
    for low, expected in ((1.5e9, {"throttled": "degraded"}), (2.36e9, {})):
        clock = SensorSeries(
            sensor="cpu0", kind="clock_hz", scope="cpu", source="synthetic", times_ns=times,
            values=tuple(2.4e9 if i < 70 else low for i in range(100)),
        )  # fmt: skip
        assert flags(telemetry=(clock,)) == expected


def test_launches_that_are_the_samples_may_differ_and_be_few():
    def started(i):
        return Round(
            launch=i, index=0, start_ns=0, end_ns=1, wall_ns=(1_000_000 + 1000 * i,), cpu_ns=0, runq_wait_ns=None,
            samples=0,
        )  # fmt: skip

    def raised(rounds):
        lane = model(rounds=tuple(rounds), launches=(LAUNCH,) * len(rounds))
        seen = Evidence(model=lane, baseline=None, batch=1, model_size_bytes=1, scenario="cold_start")
        found = verdict.reasons(seen, compute_all(seen), PROFILES["standard"], QUIET)
        return {r.flag for r in found} - {"overhead_significant"}

    assert raised([started(i) for i in range(10)]) == set()
    wild = [replace(started(i), wall_ns=(1_000_000 * (1 + i),)) for i in range(5)]
    assert raised(wild) == {"ci_target_not_met"}


def test_waiting_for_a_cpu_does_not_hide_in_the_pauses_of_a_schedule():
    lane = model(
        rounds=tuple(
            Round(
                launch=i, index=0, start_ns=0, end_ns=10**9, cpu_ns=0, wall_ns=(1_000_000,) * 400,
                runq_wait_ns=60_000_000,
                extra={"scheduled_ns": tuple(range(400)), "lag_ns": (0,) * 400, "service_ns": (1_000_000,) * 400},
            )
            for i in range(3)
        )
    )  # fmt: skip
    seen = Evidence(model=lane, baseline=None, batch=1, model_size_bytes=1, scenario="server")
    assert compute_all(seen)["runq_share"].value == pytest.approx(60 / 460)


def shaped(*inputs, outputs=((1, 10),)):
    def named(shapes):
        return [{"name": "t", "dtype": "float32", "shape": list(shape)} for shape in shapes]

    facts = {**LAUNCH.facts, "inputs": named(inputs), "outputs": named(outputs)}
    return model(launches=(replace(LAUNCH, facts=facts),) * 3)


@pytest.mark.parametrize(
    ("baseline", "unlike"),
    [
        (shaped((None, 32, 32, 1)), False),
        (shaped((None, 32, 32, 3)), True),
        (shaped((1, 1, 32, 32), (1, 5)), True),
        (shaped((1, 1, 32, 32), outputs=((1, 1000),)), True),
        (shaped((1, 1, None, None)), False),
        (model(), False),
    ],
)
def test_a_baseline_that_does_other_work_is_told(baseline, unlike):
    seen = Evidence(model=shaped((None, 1, 32, 32)), baseline=baseline, batch=1, model_size_bytes=1)
    found = {r.flag: r.detail for r in verdict.reasons(seen, compute_all(seen), PROFILES["standard"], QUIET)}
    assert ("baseline_unlike" in found) == unlike


def test_a_busy_host_says_nothing_against_outputs_and_files():
    seen = Evidence(model=model(rounds=rounds(wait_ns=500_000)), baseline=None, batch=1, model_size_bytes=1)
    (load,) = (
        r for r in verdict.reasons(seen, compute_all(seen), PROFILES["standard"], QUIET) if r.severity == "invalid"
    )
    assert (load.flag, load.touches) == ("background_load", ("running",))


def test_times_of_an_emulated_processor_are_of_no_use_and_its_outputs_are():
    host = {**QUIET, "emulated": "yes: the system is for aarch64, /proc/cpuinfo is that of x86_64"}
    seen = Seen(evidence=EVIDENCE, metrics={}, profile=PROFILES["standard"], host=host)
    (reason,) = emulated.find(seen)
    assert (reason.flag, reason.severity, reason.touches) == ("emulated", "invalid", ("running",))
    assert not list(emulated.find(replace(seen, host=QUIET)))
