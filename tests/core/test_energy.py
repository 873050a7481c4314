"""Energy is right against a known truth, says how far it can be off, and is not given where it cannot be known."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

import pytest

from benchfleet.agent.jitter import Schedule
from benchfleet.agent.sensors.simulated import Program
from benchfleet.core import energy
from benchfleet.core.energy import Energy
from benchfleet.core.evidence import Round
from benchfleet.core.samples import SensorSeries

PULSES = {"low_w": 3.0, "high_w": 12.0, "duty": 0.3}
"""A mean of 5.7 W that is never drawn."""


def jittered(span_s: float, seed: int = 0, period_s: float = 0.1) -> list[float]:
    """When the sampler of an agent reads, from zero on."""
    schedule, now_s = Schedule(random.Random(seed)), 0.0
    found = []
    while now_s < span_s:
        now_s = schedule.next_s(now_s, period_s)
        found.append(now_s)
    return found


def fixed(span_s: float) -> list[float]:
    return [i / 10 for i in range(int(span_s * 10))]


def window(start_s: float, end_s: float) -> tuple[int, int]:
    return round(start_s * 1e9), round(end_s * 1e9)


def measured(series: SensorSeries, *spans: tuple[int, int]) -> Energy:
    found = energy.measure(series, spans or [window(1.0, 61.0)])
    assert isinstance(found, Energy), found
    return found


def error(program: Program, times_s: list[float]) -> float:
    """Relative, of one minute."""
    return measured(program.series(times_s)).energy_j / program.energy_j(1.0, 61.0) - 1


def rms(values: list[float]) -> float:
    return math.sqrt(math.fsum(v * v for v in values) / len(values))


@pytest.mark.parametrize("fps", [10, 30])
def test_a_paced_load_is_within_three_percent_after_a_minute(fps: int) -> None:
    program = Program(name="board", period_s=1 / fps, **PULSES)
    assert rms([error(program, jittered(62.0, seed)) for seed in range(40)]) <= 0.03


@pytest.mark.parametrize("fps", [10, 30])
def test_a_fixed_rate_never_converges(fps: int) -> None:
    program = Program(name="board", period_s=1 / fps, **PULSES)
    series = program.series([t + 0.003 for t in fixed(62.0)])
    assert "0 updates" in str(energy.measure(series, [window(1.0, 61.0)]))
    # Of a sensor that vouches for its updates the wrong figure is believed.
    found = measured(replace(series, update_s=0.001))
    assert abs(found.energy_j / program.energy_j(1.0, 61.0) - 1) > 0.5


@pytest.mark.parametrize("fps", [10, 30])
def test_a_counter_is_within_one_percent_after_a_minute(fps: int) -> None:
    program = Program(name="meter", kind="energy_j", period_s=1 / fps, **PULSES, update_s=0.1)
    assert max(abs(error(program, jittered(62.0, seed))) for seed in range(40)) <= 0.01


@pytest.mark.parametrize("period_s", [0.1, 0.137, 0.05, 0.2, 1.7])
def test_no_period_of_the_load_is_followed(period_s: float) -> None:
    program = Program(name="board", period_s=period_s, **PULSES)
    errors = [error(program, jittered(62.0, seed)) for seed in range(40)]
    assert abs(math.fsum(errors) / len(errors)) < 0.015
    assert max(map(abs, errors)) < 0.13


def test_the_interval_holds_the_truth_in_nineteen_of_twenty() -> None:
    program = Program(name="board", period_s=0.137, accuracy=0.01, gain=1.008, **PULSES)
    held = 0
    for seed in range(100):
        found = measured(program.series(jittered(62.0, seed)))
        assert found.half_width is not None
        held += abs(found.energy_j / program.energy_j(1.0, 61.0) - 1) <= found.half_width
    assert held >= 92


def test_a_sensor_that_does_not_state_its_accuracy_has_no_interval() -> None:
    assert measured(Program(name="b", low_w=5, update_s=0.1).series(jittered(62.0))).half_width is None


def test_a_ramp_is_interpolated_at_both_ends() -> None:
    times = [0.1 * i for i in range(700)]
    series = replace(Program(name="b", low_w=1, update_s=0.1).series(times), values=tuple(t + 1 for t in times))
    found = measured(series, window(10.033, 40.077))
    assert found.energy_j == pytest.approx(30.044 * (1 + (10.033 + 40.077) / 2))


def test_a_counter_that_wraps_goes_on_and_one_that_is_reset_tells_nothing() -> None:
    program = Program(name="m", kind="energy_j", low_w=7.0, update_s=0.1, wrap_j=100.0)
    series = program.series(jittered(62.0))
    assert sum(b < a for a, b in pairwise(v for v in series.values if v is not None)) >= 4
    assert measured(series).energy_j == pytest.approx(420, rel=0.005)
    assert "reset" in str(energy.measure(replace(series, wrap=None), [window(1, 61)]))


def test_a_counter_that_is_set_to_nothing_far_from_its_end_did_not_wrap() -> None:
    series = Program(name="m", kind="energy_j", low_w=7.0).series(fixed(62.0))
    values = [
        20_000 + (v or 0) if i < 300 else (v or 0) - (series.values[300] or 0) for i, v in enumerate(series.values)
    ]
    reset = replace(series, values=tuple(values), wrap=65_532.610987)
    assert "reset" in str(energy.measure(reset, [window(1, 61)])), "45 kJ that nobody drew"


def test_a_counter_that_leaps_was_reset() -> None:
    series = Program(name="m", kind="energy_j", low_w=7.0).series(fixed(62.0))
    values = [v if i < 300 else (v or 0) + 3.69e12 for i, v in enumerate(series.values)]
    assert "leapt" in str(energy.measure(replace(series, values=tuple(values)), [window(1, 61)]))


def test_a_counter_that_stands_still_tells_nothing() -> None:
    series = Program(name="m", kind="energy_j", low_w=7.0).series(fixed(62.0))
    stuck = tuple(v if i < 300 else series.values[300] for i, v in enumerate(series.values))
    assert "cover 4" in str(energy.measure(replace(series, values=stuck), [window(1, 61)]))
    frozen = (5.0,) * len(series.values)
    assert isinstance(energy.measure(replace(series, values=frozen), [window(1, 61)]), str)


def test_a_sensor_that_repeats_itself_has_as_many_updates_as_changes() -> None:
    series = Program(name="b", low_w=5.0).series(fixed(62.0))
    slow = tuple(5.0 + (i // 20) % 2 for i in range(len(series.values)))
    assert "30 updates" in str(energy.measure(replace(series, values=slow), [window(1, 61)]))
    assert measured(replace(series, values=slow, update_s=1.0)).updates in (60, 61)


def test_drop_outs_are_bridged_while_they_are_short() -> None:
    program = Program(name="b", low_w=5.0, update_s=0.1, lost_ratio=0.3)
    found = measured(program.series([t + 0.05 for t in fixed(62.0)]))
    assert found.energy_j == pytest.approx(300)
    assert found.coverage == pytest.approx(1.0)


def test_a_silence_of_four_seconds_in_a_minute_is_no_energy() -> None:
    series = Program(name="b", low_w=5.0, update_s=0.1).series(fixed(62.0))
    silent = tuple(None if 20 <= t * 1e-9 < 24 else v for t, v in zip(series.times_ns, series.values, strict=True))
    assert "cover 94%" in str(energy.measure(replace(series, values=silent), [window(1, 61)]))


@pytest.mark.parametrize(("span_s", "period_s"), [(9.9, 0.1), (60.0, 2.0)])
def test_too_short_and_too_seldom_are_no_energy(span_s: float, period_s: float) -> None:
    times = [i * period_s for i in range(int(62 / period_s))]
    series = Program(name="b", low_w=5.0, update_s=period_s).series(times, period_s)
    assert "50 in 10 s are needed" in str(energy.measure(series, [window(1, 1 + span_s)]))


def rounds(count: int, span_s: float, gap_s: float, start_s: float = 1.0) -> Iterator[Round]:
    for i in range(count):
        start_ns, end_ns = window(start_s, start_s + span_s)
        yield Round(launch=0, index=i, start_ns=start_ns, end_ns=end_ns, wall_ns=(1,), cpu_ns=0, runq_wait_ns=None)
        start_s += span_s + gap_s


def test_rounds_with_milliseconds_between_are_one_window() -> None:
    assert len(energy.windows(list(rounds(40, 0.25, 0.004)))) == 1
    assert len(energy.windows(list(rounds(40, 0.25, 0.25)))) == 40


@pytest.mark.parametrize("kind", ["power_w", "energy_j"])
def test_rounds_that_alternate_with_another_model_do_not_take_its_power(kind: str) -> None:
    # This model draws 10 W for half a second, the other 2 W for as long.
    program = Program(name="b", kind=kind, low_w=2.0, high_w=10.0, period_s=1.0, duty=0.5)
    spans = energy.windows(list(rounds(60, 0.5, 0.5)))
    errors = []
    for seed in range(10):
        found = measured(program.series(jittered(63.0, seed)), *spans)
        assert found.span_s == pytest.approx(30)
        errors.append(found.energy_j / 300 - 1)
    assert max(map(abs, errors)) < 0.02


def test_rounds_too_short_for_the_sensor_are_no_energy() -> None:
    program = Program(name="b", low_w=2.0, high_w=10.0, period_s=1.0, duty=0.5, update_s=1.0)
    spans = energy.windows(list(rounds(60, 0.5, 0.5)))
    assert "measure the model alone" in str(energy.measure(program.series(jittered(63.0)), spans))


def test_the_widest_scope_is_asked_and_within_it_the_counter() -> None:
    made = {
        (kind, scope): replace(Program(name="x", kind=kind, scope=scope, low_w=1.0).series([0.0]), sensor=kind + scope)
        for kind in ("power_w", "energy_j")
        for scope in ("rail", "component", "board")
    }
    found = energy.candidates(list(made.values()))
    assert [s.sensor for s in found] == ["energy_jboard", "power_wboard"]  # type: ignore[union-attr]
    assert "no power sensor" in str(energy.candidates([made["power_w", "rail"]]))
    assert "not summed" in str(energy.candidates([made["power_w", "board"]] * 2))


def test_an_estimate_is_asked_only_where_nothing_is_measured() -> None:
    board = replace(Program(name="x", low_w=1.0).series([0.0]), estimated=True)
    module = replace(board, scope="module", estimated=False)
    assert energy.candidates([board, module]) == [module]
    assert energy.candidates([board]) == [board]


def test_a_counter_that_fails_leaves_it_to_the_sensor_beside_it() -> None:
    counter = Program(name="m", kind="energy_j", low_w=7.0).series(fixed(62.0))
    frozen = replace(counter, values=(5.0,) * len(counter.values))
    power = Program(name="b", low_w=7.0, update_s=0.1).series(fixed(62.0))
    found = energy.over([frozen, power], [window(1, 61)])
    assert isinstance(found, Energy)
    assert found.source == "simulated sensor"
    assert found.energy_j == pytest.approx(420)
