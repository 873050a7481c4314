"""Counts of a model file become metrics of a result, and operations a second; what nobody counted says so."""

import pytest

from benchfleet.core.evidence import Evidence, Lane, Round
from benchfleet.core.metric import catalogue

COUNTS = {
    "parameters": {"value": 4_650_000, "reason": None},
    "weight_bytes": {"value": 18_600_000, "reason": None},
    "macs": {"value": 385_000_000, "reason": None},
    "peak_activation_bytes": {"value": 9_000_000, "reason": None},
    "counted_with": {"x": [1, 3, 224, 224]},
}


def evidence(**more):
    """Ten rounds of 50 calls in 0.5 s: 100 samples a second at a batch of one."""
    rounds = tuple(
        Round(
            launch=0,
            index=i,
            start_ns=i * 10**9,
            end_ns=i * 10**9 + 5 * 10**8,
            wall_ns=(10**7,) * 50,
            cpu_ns=0,
            runq_wait_ns=0,
        )
        for i in range(10)
    )
    lane = Lane(rounds=rounds, launches=(), outputs=None)
    given = {"model": lane, "baseline": None, "batch": 1, "model_size_bytes": 1, "counts": COUNTS}
    return Evidence(**{**given, **more})


def value(name, seen):
    return catalogue()[name].compute(seen)


def test_counts_of_the_file_are_metrics():
    seen = evidence()
    assert value("parameters", seen).value == 4_650_000
    assert value("weight_bytes", seen).value == 18_600_000
    assert value("activation_bytes_peak", seen).value == 9_000_000
    assert value("flops", seen).value == 2 * value("macs", seen).value == 770_000_000


def test_achieved_operations_are_two_for_each_mac_at_the_measured_rate():
    # 100 samples a second of 0.77 G operations: 0.077 TOPS.
    found = value("achieved_tops", evidence())
    assert found.value == pytest.approx(0.077)
    assert found.ci95[0] <= found.value <= found.ci95[1]
    assert value("achieved_tops", evidence(batch=8)).value == pytest.approx(8 * 0.077)


@pytest.mark.parametrize("name", ["fps", "qps"])
def test_a_rate_that_a_scenario_asks_for_requires_operations(name):
    found = value("required_tops", evidence(scenario="any", scenario_params={name: 30.0}))
    assert found.value == pytest.approx(2 * 385e6 * 30 / 1e12)
    assert "asks for no rate" in value("required_tops", evidence()).reason


def test_without_counts_nothing_is_known_and_the_reason_says_where_they_come_from():
    for name in ("parameters", "macs", "flops", "weight_bytes", "activation_bytes_peak", "achieved_tops"):
        found = value(name, evidence(counts={}))
        assert found.value is None
        assert "inspect" in found.reason


def test_an_unknown_count_keeps_its_reason_in_everything_made_of_it():
    counts = {**COUNTS, "macs": {"value": None, "reason": "node 'l' is a Loop"}}
    for name in ("macs", "flops", "achieved_tops"):
        assert value(name, evidence(counts=counts)).reason == "node 'l' is a Loop"
    assert value("parameters", evidence(counts=counts)).value == 4_650_000


def test_a_count_for_other_input_sizes_is_not_used():
    other = evidence(shapes={"x": (1, 3, 64, 64)})
    assert "counted with x=1x3x224x224, measured with 1x3x64x64" in value("macs", other).reason
    assert value("achieved_tops", other).value is value("activation_bytes_peak", other).value is None
    assert value("parameters", other).value is not None
    assert value("macs", evidence(shapes={"x": (8, 3, 224, 224)})).value == 385_000_000


def test_peak_activations_are_of_one_sample_in_a_call():
    assert value("activation_bytes_peak", evidence(batch=8)).value is None


def test_no_throughput_no_operations():
    lane = Lane(rounds=(), launches=(), outputs=None)
    assert value("achieved_tops", evidence(model=lane)).value is None
