"""Prometheus text that no name can break, with nothing made up."""

from __future__ import annotations

import math

import pytest

from benchfleet.controller.fleet.readings import Gauge
from benchfleet.controller.http import metrics
from benchfleet.controller.http.exposition import LABEL_CHARACTERS_MAX, Family, render
from benchfleet.core.results import Result, Value, missing


def test_quotes_newlines_backslashes_and_lone_surrogates_are_escaped() -> None:
    family = Family(name="m", help="line\nbreak")
    family.add(1.0, {"a": 'q"uote', "b": "new\nline", "c": "back\\slash", "d": "lone\ud800surrogate"})
    text = render([family])
    assert text.splitlines()[-1] == 'm{a="q\\"uote",b="new\\nline",c="back\\\\slash",d="lone?surrogate"} 1.0'
    assert len(text.splitlines()) == 3
    text.encode("utf-8")


def test_what_was_not_measured_is_absent() -> None:
    family = Family(name="m", help="h")
    for value in (None, math.nan, math.inf):
        family.add(value)
    assert render([family]) == ""


def test_zero_is_a_measurement() -> None:
    family = Family(name="m", help="h")
    family.add(0.0)
    assert render([family]).endswith("m 0.0\n")


def test_a_long_label_is_cut() -> None:
    family = Family(name="m", help="h")
    family.add(1.0, {"a": "x" * 10_000})
    assert len(render([family])) < LABEL_CHARACTERS_MAX + 100


def test_a_lost_sensor_is_down_and_has_no_value() -> None:
    good = Gauge(sensor="ina3221/VDD_IN/power", kind="power_w", scope="board", value=4.5, quality="ok")
    lost = Gauge(sensor="thermal/0", kind="temperature_c", scope="soc", value=None, quality="lost")
    text = render(metrics.live({"pi": [good, lost]}))
    assert 'benchfleet_power_watts{device="pi",sensor="ina3221/VDD_IN/power",scope="board"} 4.5' in text
    assert 'benchfleet_sensor_up{device="pi",sensor="thermal/0",scope="soc"} 0.0' in text
    assert "benchfleet_temperature_celsius" not in text


def test_what_is_simulated_has_a_label_that_says_so() -> None:
    gauges = {name: [Gauge(sensor="s", kind="power_w", scope="board", value=5.0, quality="ok")] for name in ("a", "b")}
    text = render(metrics.live(gauges, {"b"}))
    assert 'benchfleet_power_watts{device="a",sensor="s",scope="board"} 5.0' in text
    assert 'benchfleet_power_watts{device="b",sensor="s",scope="board",simulated="true"} 5.0' in text


def test_a_result_shows_what_it_has_in_base_units() -> None:
    cell = {
        "model": {"name": "digits:fp32", "format": "onnx"},
        "runtime": "onnxruntime",
        "threads": 1,
        "batch": 1,
        "scenario": "single_stream",
    }
    values = {
        "latency_ms_p50": Value(value=2.5),
        "latency_ms_p99": missing("too few samples"),
        "energy_mj_per_inference": Value(value=570.0, source="counter", scope="board"),
        "power_w_mean": missing("no power sensor"),
    }
    result = Result(outcome="ok", verdict="valid", metrics=values, cell=cell)
    text = render(metrics.measured({("pi", "key"): result}))
    labels = (
        'device="pi",model="digits:fp32",format="onnx",runtime="onnxruntime",threads="1",batch="1",'
        'scenario="single_stream"'
    )
    assert f'benchfleet_result_latency_seconds{{{labels},quantile="0.5"}} 0.0025' in text
    assert 'quantile="0.99"' not in text
    assert f'benchfleet_result_energy_joules{{{labels},source="counter",scope="board"}} 0.57' in text
    assert "benchfleet_result_power_watts" not in text
    assert "benchfleet_result_accuracy_ratio" not in text
    assert 'verdict="valid"' in text


@pytest.mark.parametrize(
    ("kind", "series"),
    [
        ("power_w", ("benchfleet_power_watts", 1.0)),
        ("energy_j", ("benchfleet_energy_joules_total", 1.0)),
        ("temperature_c", ("benchfleet_temperature_celsius", 1.0)),
        ("clock_hz", ("benchfleet_clock_hertz", 1.0)),
        ("frequency_hz", ("benchfleet_clock_hertz", 1.0)),
        ("clock_mhz", ("benchfleet_clock_hertz", 1e6)),
        ("utilization_ratio", ("benchfleet_utilization_ratio", 1.0)),
        ("memory_bytes", ("benchfleet_memory_bytes", 1.0)),
        ("throttle_count", ("benchfleet_throttle_events_total", 1.0)),
        ("load", ("benchfleet_load", 1.0)),
        ("steal_ratio", ("benchfleet_steal_ratio", 1.0)),
        ("pressure_ratio", ("benchfleet_pressure_ratio", 1.0)),
        ("fan_rpm", ("benchfleet_fan_rpm", 1.0)),
        ("rail_v", ("benchfleet_rail_volts", 1.0)),
        ("x{evil}", None),
        ("", None),
        ("a" * 80, None),
    ],
)
def test_the_series_of_a_sensor_is_named_by_its_kind(kind, series) -> None:
    assert metrics.series_of(kind) == series


def test_every_sensor_that_ships_has_a_series() -> None:
    kinds = {"load", "pressure_ratio", "utilization_ratio", "steal_ratio", "memory_bytes", "clock_hz", "temperature_c"}
    readings = [Gauge(sensor=f"s/{kind}", kind=kind, scope="system", value=1.0, quality="ok") for kind in kinds]
    text = render(metrics.live({"pi": readings}))
    assert text.count("# TYPE") == len(kinds) + 1


def test_kinds_that_an_agent_makes_up_are_bounded() -> None:
    made_up = {
        f"d{i}": [Gauge(sensor="s", kind=f"k{i}_{j}_w", scope="board", value=1.0, quality="ok") for j in range(10)]
        for i in range(40)
    }
    assert render(metrics.live(made_up)).count("# TYPE") <= metrics.FAMILIES_MAX + 1


def test_results_that_differ_only_in_options_are_series_of_their_own() -> None:
    cell = {"model": {"name": "m:1", "format": "onnx"}, "runtime": "onnxruntime", "threads": 1, "batch": 1}
    one = {**cell, "scenario": "server", "scenario_params": {"qps": 10}, "runtime_options": {}}
    two = {**one, "runtime_options": {"providers": ["CUDAExecutionProvider"]}}
    values = {"throughput_per_s": Value(value=5.0)}
    results = {
        ("pi", str(i)): Result(outcome="ok", verdict="valid", metrics=values, cell=each)
        for i, each in enumerate((one, two))
    }
    text = render(metrics.measured(results))
    assert text.count("benchfleet_result_throughput_per_second{") == 2
    assert r'options="{\"providers\":[\"CUDAExecutionProvider\"]}"' in text
