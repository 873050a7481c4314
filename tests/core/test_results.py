"""Results as bytes: what goes in comes out, and what cannot be is refused in one line."""

import json

import pytest

from benchfleet.core import results
from benchfleet.core.errors import DocumentError
from benchfleet.core.results import Failure, Reason, Result
from benchfleet.core.text import REPLACEMENT

FAILED = Result(
    outcome="failed",
    verdict="invalid",
    provenance={"host\udcff": ["a\ud800"]},
    failure=Failure(reason="exception", phase="load", detail="no such file: m\udced.onnx"),
)


def test_half_a_surrogate_pair_is_neither_written_nor_read():
    assert b"\\ud" not in results.dumps(FAILED)
    hostile = json.dumps(results.to_json(FAILED)).encode()  # as a stranger would send it
    for payload in (results.dumps(FAILED), hostile):
        read = results.loads(payload)
        assert read.failure.detail == f"no such file: m{REPLACEMENT}.onnx"
        assert read.provenance == {f"host{REPLACEMENT}": [f"a{REPLACEMENT}"]}


@pytest.mark.parametrize(
    ("name", "value", "ci95", "says"),
    [
        ("latency_ms_p50", -1.0, None, "latency_ms_p50 is -1"),
        ("latency_ms_p50", 1e308, None, "1e[+]308"),
        ("latency_ms_p50", 2.0, [3.0, 1.0], "interval of latency_ms_p50 is 3 to 1"),
        ("latency_ms_p50", 2.0, [-1e300, 3.0], "interval of latency_ms_p50"),
        ("a_metric_of_tomorrow", 2.0, [1e400, 1e401], "interval of a_metric_of_tomorrow"),
        ("accuracy_top1", 1.01, None, "within 0 and 1"),
        ("deadline_miss_ratio", 1.5, None, "within 0 and 1"),
        ("temperature_c_max", -300.0, None, "-273"),
        ("model_size_bytes", -1.0, None, "model_size_bytes"),
    ],
)
def test_a_number_that_cannot_be_is_refused_by_name(name, value, ci95, says):
    data = {**results.to_json(FAILED), "metrics": {name: {"value": value, "ci95": ci95}}}
    with pytest.raises(DocumentError, match=says) as raised:
        results.loads(json.dumps(data).encode())
    assert raised.value.reason == "IMPLAUSIBLE"


def test_a_reason_keeps_what_it_touches_and_an_old_one_touches_all():
    lag = Reason(flag="dispatch_lag", severity="invalid", detail="late", touches=("running",))
    data = results.to_json(Result(outcome="ok", verdict="invalid", reasons=(lag,)))
    read = results.from_json(data)
    assert read.reasons == (lag,)
    assert [results.spoils(read, family) for family in ("running", "outputs", "file")] == [True, False, False]
    del data["reasons"][0]["touches"]
    assert results.spoils(results.from_json(data), "file")


def test_a_difference_may_be_negative_and_an_interval_may_reach_below_zero():
    metrics = {
        "net_energy_mj_per_inference": {"value": -3.0},
        "accuracy_drop_pp": {"value": -1.5, "ci95": [-4.0, 1.0]},
        "latency_ms_p50": {"value": 0.1, "ci95": [-0.02, 0.22]},
        "nan_count": {"value": 0.0},
    }
    read = results.loads(json.dumps({**results.to_json(FAILED), "metrics": metrics}).encode())
    assert read.metrics["net_energy_mj_per_inference"].value == -3.0
