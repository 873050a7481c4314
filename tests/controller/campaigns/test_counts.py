"""What of a client's facts travels with a run: counts that are counts, and sizes that are sizes."""

import json
from importlib import resources
from pathlib import Path

import pytest

from benchfleet.controller.campaigns.counts import COUNT_MAX, counts_of
from benchfleet.controller.inspection import inspect_model
from benchfleet.core.runspec import Artifact, ModelRef, RunSpec
from benchfleet.core.wire import runspec_from_wire, runspec_to_wire

DATA = Path(str(resources.files("benchfleet.controller"))) / "demo" / "data"


def test_facts_of_a_real_file_travel_to_the_agent_and_back():
    counts = counts_of(json.loads(json.dumps(inspect_model(DATA / "digits-int8.onnx").to_json())))
    assert counts["macs"] == {"value": 1_762_496, "reason": None}
    assert counts["counted_with"] == {"x": [1, 1, 32, 32]}
    model = ModelRef(
        name="a:b", format="onnx", precision=None, artifact=Artifact(digest="0" * 64, size_bytes=1), counts=counts
    )
    spec = RunSpec(model=model, runtime="onnxruntime")
    assert runspec_from_wire(runspec_to_wire(spec)).model.counts == counts


@pytest.mark.parametrize("value", [-1, COUNT_MAX + 1, 1.5, True, "7", None, [1]])
def test_what_is_no_count_is_unknown(value):
    found = counts_of({"macs": {"value": value, "reason": None}})["macs"]
    assert found["value"] is None
    assert found["reason"]


@pytest.mark.parametrize("facts", [{}, {"macs": 7}, {"macs": None}, {"inputs": []}, {"counted_with": {"x": [1]}}])
def test_facts_without_counts_give_none(facts):
    assert counts_of(facts) == {}


def test_reasons_and_names_of_a_client_are_cut_and_cleaned():
    facts = {
        "macs": {"value": None, "reason": "\x1b[31m" + "x" * 10_000},
        "counted_with": {"a" * 9999: [1], "b": ["q"]},
    }
    found = counts_of(facts)
    assert len(found["macs"]["reason"]) <= 200
    assert "\x1b" not in found["macs"]["reason"]
    assert [len(name) for name in found["counted_with"]] == [200]
