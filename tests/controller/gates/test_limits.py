"""Units of limits."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchfleet.controller.policies import limits
from benchfleet.controller.policies.metrics import alias, known, resolve
from benchfleet.core.errors import DocumentError


@pytest.mark.parametrize(
    ("text", "unit", "bound"),
    [
        ("< 0.033 s", "ms", 33.0),
        ("<= 20 MB", "bytes", 20e6),
        ("< 10 MiB", "bytes", 10485760.0),
        ("> 30 fps", "1/s", 30.0),
        ("> 30 /s", "1/s", 30.0),
        ("> 30 samples/s", "1/s", 30.0),
        (">= 90 %", "ratio", 0.9),
        (">= 0.9", "1", 0.9),
        ("< 85 °C", "degC", 85.0),
        ("< 500 mW", "W", 0.5),
        ("< 1 pp", "pp", 1.0),
    ],
)
def test_limit_is_converted_to_the_unit_of_the_metric(text, unit, bound):
    assert limits.parse("m", text, unit).bounds == (pytest.approx(bound),)


@given(st.text(max_size=40))
def test_any_text_is_a_limit_or_a_document_error(text):
    try:
        found = limits.parse("m", text, "ms")
    except DocumentError:
        return
    assert all(math.isfinite(bound) for bound in found.bounds)


@pytest.mark.parametrize("unit", ["ms**9**9**9", "__import__('os')", "ms ms", "ms)", "(" * 30, "x" * 30])
def test_arithmetic_never_reaches_the_unit_parser(unit):
    with pytest.raises(DocumentError):
        limits.parse("m", f"< 3 {unit}", "ms")


def test_strict_and_inclusive_ends_differ():
    assert not limits.parse("m", "< 3 ms", "ms").holds(3.0)
    assert limits.parse("m", "<= 3 ms", "ms").holds(3.0)


def test_every_metric_of_the_catalogue_takes_a_limit_in_its_own_unit():
    for metric in known().values():
        unit = "EUR" if metric.unit == "currency" else metric.unit
        text = "< 3" if metric.unit in limits.PLAIN else f"< 3 {unit}"
        assert limits.parse(metric.name, text, metric.unit).high == 3.0


def test_every_metric_is_found_by_its_alias():
    for name in known():
        assert resolve(alias(name)).name == name


def test_alias_drops_the_unit():
    assert alias("latency_ms_p99") == "latency_p99"
    assert alias("model_size_bytes") == "model_size"
    assert alias("power_w_mean") == "power_mean"
    assert alias("throughput_per_s") == "throughput"
    assert alias("accuracy_top1") == "accuracy_top1"
