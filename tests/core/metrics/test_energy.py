"""Energy figures of a result against arithmetic that can be done by hand; missing ones say why."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchfleet.core.evidence import Evidence, Lane, Round
from benchfleet.core.metric import catalogue, compute_all
from benchfleet.core.samples import SensorSeries

IDLE_W, BUSY_W = 4.0, 10.0
IDLE_NS = (0, 20_000_000_000)
START_S, SPAN_S, CALLS = 30.0, 60.0, 600


def series(scope="board", kind="power_w", **more):
    """Ten readings a second over a hundred: 4 W while idle, 10 W from the first round on."""
    times_s = [i / 10 for i in range(1000)]
    values = tuple(IDLE_W if t < START_S else BUSY_W for t in times_s)
    if kind == "energy_j":
        values = tuple(IDLE_W * min(t, START_S) + BUSY_W * max(0.0, t - START_S) for t in times_s)
    facts = {"update_s": 0.1, "accuracy": 0.02, "source": "sysfs", **more}
    times = tuple(round(t * 1e9) for t in times_s)
    return SensorSeries(sensor=f"meter/{scope}", kind=kind, scope=scope, times_ns=times, values=values, **facts)


def evidence(*telemetry, batch=1, idle=IDLE_NS, after=None, battery_wh=None, span_s=SPAN_S):
    wall = (int(span_s * 1e9 / CALLS),) * CALLS
    start, end = round(START_S * 1e9), round((START_S + span_s) * 1e9)
    one = Round(launch=0, index=0, start_ns=start, end_ns=end, wall_ns=wall, cpu_ns=0, runq_wait_ns=None)
    return Evidence(
        model=Lane(rounds=(one,), launches=(), outputs=None),
        baseline=None,
        batch=batch,
        model_size_bytes=1,
        telemetry=telemetry,
        idle_span_ns=idle,
        idle_after_span_ns=after,
        battery_wh=battery_wh,
    )


def value(name, seen):
    return catalogue()[name].compute(seen)


def test_a_minute_of_ten_watts_over_six_hundred_inferences():
    seen = evidence(series(), battery_wh=50.0)
    assert value("power_w_mean", seen).value == pytest.approx(10)
    assert value("power_w_peak", seen).value == 10
    assert value("idle_power_w", seen).value == pytest.approx(4)
    assert value("idle_power_w", seen).n == 201  # those of the idle span, not of the rounds
    assert value("energy_mj_per_inference", seen).value == pytest.approx(1000)
    assert value("net_energy_mj_per_inference", seen).value == pytest.approx(600)
    assert value("inferences_per_joule", seen).value == pytest.approx(1)
    assert value("energy_coverage_ratio", seen).value == pytest.approx(1)
    assert value("battery_inferences", seen).value == pytest.approx(50 * 3600)
    assert value("battery_hours", seen).value == pytest.approx(5)


def test_an_inference_is_one_sample_of_a_batch():
    assert value("energy_mj_per_inference", evidence(series(), batch=8)).value == pytest.approx(125)


def test_each_figure_says_from_what_it_was_made():
    found = value("energy_mj_per_inference", evidence(series(formula="VDD_IN")))
    assert (found.source, found.scope) == ("sensor", "board")
    assert "trapezoid" in found.method
    assert "VDD_IN" in found.method
    counted = value("energy_mj_per_inference", evidence(series(kind="energy_j")))
    assert counted.source == "counter"
    assert counted.value == pytest.approx(1000, rel=0.002)
    assert value("power_w_mean", evidence(series(estimated=True))).source == "estimated"
    assert value("power_w_mean", evidence(series(simulated=True))).source == "simulated sensor"


def test_the_error_of_the_sensor_is_in_every_interval():
    seen = evidence(series(), battery_wh=50.0)
    assert value("power_w_mean", seen).ci95 == pytest.approx((9.8, 10.2))
    assert value("energy_mj_per_inference", seen).ci95 == pytest.approx((980, 1020))
    # Of the gross energy, not of the small difference: two large numbers are each off by 2 %.
    assert value("net_energy_mj_per_inference", seen).ci95 == pytest.approx((580, 620))
    assert value("inferences_per_joule", seen).ci95 == pytest.approx((1 / 1.02, 1 / 0.98))
    assert value("battery_hours", seen).ci95 == pytest.approx((5 / 1.02, 5 / 0.98))
    assert value("power_w_mean", evidence(series(accuracy=None))).ci95 is None


def test_a_short_window_says_that_it_is_not_to_be_quoted():
    assert "needs 60 s" in value("power_w_mean", evidence(series(), span_s=20.0)).method
    assert "needs 60 s" not in value("power_w_mean", evidence(series())).method


def test_no_sensor_and_rails_alone_are_no_power():
    for seen in (evidence(), evidence(series("rail"))):
        assert "no power sensor" in value("power_w_mean", seen).reason


def test_two_sensors_of_one_scope_are_not_summed():
    assert "not summed" in value("power_w_mean", evidence(series(), series())).reason


def test_the_widest_scope_wins():
    module = replace(series("module"), values=tuple(1.0 for _ in range(1000)))
    assert value("power_w_mean", evidence(module, series("system"))).value == pytest.approx(10)


def test_of_one_scope_the_better_sensor_is_taken_and_the_other_is_held_against_it():
    mean = replace(series(), sensor="meter/average", rank=30, values=tuple(w * 1.2 for w in series().values))
    found = evidence(series(), mean)
    assert value("power_w_mean", found).value == pytest.approx(10)
    off = value("energy_disagreement_ratio", found)
    assert (off.value, off.source) == (pytest.approx(0.2), "meter/average")
    assert value("energy_disagreement_ratio", evidence(series())).value is None


def test_a_total_is_not_held_against_its_parts():
    total = replace(series("component"), sensor="rapl/total/energy", rank=9)
    part = replace(series("component"), sensor="rapl/package-0/energy", rank=10, values=(1.0,) * 1000)
    assert value("power_w_mean", evidence(part, total)).value == pytest.approx(10)
    assert value("energy_disagreement_ratio", evidence(part, total)).value is None


def test_a_part_does_not_stand_in_for_a_sum_that_was_lost_in_between():
    gaps = tuple(None if i % 3 else 10.0 for i in range(1000))
    total = replace(
        series("component"), sensor="rapl/total/energy", rank=9, values=gaps, formula="sum(package-0,package-0/dram)"
    )
    part = replace(series("component"), sensor="rapl/package-0/energy", rank=10, values=(1.0,) * 1000)
    assert value("power_w_mean", evidence(replace(total, formula=""), part)).value == pytest.approx(1.0)
    assert value("power_w_mean", evidence(total, part)).value is None


def test_a_cpu_beside_a_gpu_is_not_the_device():
    cpu = replace(series("component"), sensor="rapl/total/energy", rank=9)
    gpu = replace(series("component"), sensor="nvml/0000:01/power")
    assert "a part of the device each" in value("power_w_mean", evidence(cpu, gpu)).reason


def test_a_meter_that_was_lost_all_the_time_stands_back_for_a_narrower_scope():
    lost = replace(series("wall"), values=(None,) * 1000)
    found = value("power_w_mean", evidence(lost, series("module")))
    assert (found.value, found.scope) == (pytest.approx(10), "module")
    assert "0 readings" in value("power_w_mean", evidence(lost)).reason


@pytest.mark.parametrize(
    ("idle", "why"),
    [
        (None, "not sampled"),
        ((0, 5_000_000_000), "10 s are needed"),
        ((25_000_000_000, 40_000_000_000), "within the rounds"),
        ((-60_000_000_000, -40_000_000_000), "cover 0%"),
    ],
)
def test_without_an_idle_baseline_there_is_gross_and_no_net(idle, why):
    seen = evidence(series(), idle=idle)
    assert value("energy_mj_per_inference", seen).value == pytest.approx(1000)
    assert why in value("net_energy_mj_per_inference", seen).reason
    assert why in value("idle_power_w", seen).reason


def test_idle_power_is_that_of_before_and_after_and_what_they_differ_by_is_uncertain():
    """4 W before and 6 W after: 5 W of the 10 W are idle, give or take one."""
    warm = replace(series(accuracy=0.0), values=tuple((4.0, 10.0, 6.0)[(i >= 300) + (i >= 900)] for i in range(1000)))
    late = replace(warm, times_ns=(*warm.times_ns, *(round((100 + i / 10) * 1e9) for i in range(100))))
    late = replace(late, values=(*warm.values, *(6.0,) * 100))
    seen = evidence(late, after=(91_000_000_000, 105_000_000_000))
    assert value("idle_power_w", seen).value == pytest.approx(4)
    assert value("idle_after_power_w", seen).value == pytest.approx(6)
    net = value("net_energy_mj_per_inference", seen)
    assert net.value == pytest.approx(500, rel=0.002)
    assert net.ci95 == pytest.approx((400, 600), rel=0.01)
    assert "before and after" in net.method


def test_without_an_idle_span_after_the_rounds_that_before_is_the_baseline():
    seen = evidence(series())
    assert "not sampled after" in value("idle_after_power_w", seen).reason
    assert "(before)" in value("net_energy_mj_per_inference", seen).method


def test_a_battery_of_unknown_capacity_lasts_nobody_knows_how_long():
    assert "not given" in value("battery_hours", evidence(series())).reason
    assert "no power sensor" in value("battery_hours", evidence(battery_wh=50.0)).reason


def test_a_net_energy_within_its_noise_may_be_below_zero():
    quiet = replace(series(), values=tuple(IDLE_W if i >= 300 else IDLE_W + 0.01 for i in range(1000)))
    found = value("net_energy_mj_per_inference", evidence(quiet))
    assert found.value == pytest.approx(-1)
    assert found.ci95[0] < 0 < found.ci95[1]
    assert compute_all(evidence(quiet))["net_energy_mj_per_inference"] == found


def test_a_scenario_without_a_stream_of_samples_has_power_and_nothing_per_sample():
    seen = evidence(series(), battery_wh=50.0)
    cold = replace(seen.model.rounds[0], samples=0)
    seen = replace(seen, scenario="cold_start", model=Lane(rounds=(cold,), launches=(), outputs=None))
    assert value("power_w_mean", seen).value == pytest.approx(10)
    assert value("battery_hours", seen).value == pytest.approx(5)
    for name in (
        "energy_mj_per_inference",
        "net_energy_mj_per_inference",
        "inferences_per_joule",
        "battery_inferences",
    ):
        assert "cold_start is not a stream" in value(name, seen).reason


def test_what_a_scenario_counts_as_samples_is_counted():
    seen = evidence(series())
    gathered = replace(seen.model.rounds[0], samples=1200)
    seen = replace(seen, model=Lane(rounds=(gathered,), launches=(), outputs=None))
    assert value("energy_mj_per_inference", seen).value == pytest.approx(500)


def test_no_round_is_no_energy():
    empty = replace(evidence(series()), model=Lane(rounds=(), launches=(), outputs=None))
    for name in ("power_w_mean", "idle_power_w", "net_energy_mj_per_inference", "inferences_per_joule"):
        assert "no round" in value(name, empty).reason


@pytest.mark.parametrize(("kind", "step", "known"), [
    ("power_w", 0.49, True), ("power_w", 0.51, False), ("energy_j", 29.9, True), ("energy_j", 30.1, False),
])  # fmt: skip
def test_energy_of_fewer_than_twenty_steps_of_the_sensor_is_none(kind, step, known):
    found = value("energy_mj_per_inference", evidence(series(kind=kind, resolution=step)))
    assert (found.value is not None) is known
    if not known:
        assert "20 are needed" in found.reason


def test_where_a_counter_is_too_coarse_the_power_of_the_same_meter_tells():
    counter = replace(series(kind="energy_j", resolution=60.0), sensor="meter/wall/energy", rank=0)
    found = value("energy_mj_per_inference", evidence(counter, series(resolution=0.01)))
    assert found.value == pytest.approx(1000)
    assert "trapezoid" in found.method


def test_a_meter_of_one_value_a_second_says_that_the_idle_span_was_too_short_for_it():
    whole = series()
    slow = replace(whole, times_ns=whole.times_ns[::10], values=whole.values[::10], update_s=1.0, period_s=1.0)
    found = value("idle_power_w", evidence(slow, idle=(0, 15_000_000_000)))
    assert found.value is None
    assert found.reason == "16 readings of meter/board in the idle span; 20 are needed"
