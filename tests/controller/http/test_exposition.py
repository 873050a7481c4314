"""Prometheus text that no name can break, with nothing made up."""

from __future__ import annotations

import math

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
