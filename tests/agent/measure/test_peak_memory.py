"""The peak of memory is the model's: a spike too short for polling is in it, the agent's size and our feeds are not."""

import resource

import pytest
from onnx import TensorProto, helper, save

from benchmarks.peak_memory.compare import PARENT_BYTES, SPIKE_BYTES, launch
from tests.support.attempts import attempt

SIDE = 640


async def test_a_spike_of_200_mib_for_20_ms_is_seen_to_one_percent_by_a_large_agent(tmp_path):
    agent = bytearray(PARENT_BYTES)
    agent[:: resource.getpagesize()] = b"\1" * len(agent[:: resource.getpagesize()])
    peak, delta, _ = await launch(tmp_path)
    assert delta == pytest.approx(SPIKE_BYTES, rel=0.01)
    assert peak < len(agent)


async def test_the_numbers_of_which_an_input_is_made_are_not_the_models_memory(tmp_path, monkeypatch):
    monkeypatch.setenv("BENCHFLEET_HOST_LOCK", str(tmp_path / "host.lock"))
    shape = [1, 3, SIDE, SIDE]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in ("x", "y")]
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", ends[:1], ends[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    save(model, tmp_path / "large.onnx")
    result = (await attempt(tmp_path, tmp_path / "large.onnx")).result
    tensor_bytes = 4 * 3 * SIDE * SIDE
    # Input, output, the feed they are copied from and a few copies of outputs; the list of Python floats alone is ten.
    assert result.metrics["memory_delta_bytes"].value < 6 * tensor_bytes
    marks = result.provenance["memory"][0]
    assert set(marks["memory"]["base"]) == {"resident", "peak", "anonymous", "file"}
    assert marks["memory"]["base"]["anonymous"] < marks["memory"]["base"]["resident"]
