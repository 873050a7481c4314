"""Multiply-accumulates and peak activations of small graphs, against figures worked out by hand."""

import json
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from benchfleet.controller.inspection import ModelFacts, inspect_model, onnx_file
from benchfleet.controller.inspection.liveness import peak_bytes
from benchfleet.core.errors import DocumentError

DATA = Path(str(resources.files("benchfleet.controller"))) / "demo" / "data"


def facts_of(path, nodes, *, given, made, weights=(), sparse=()):
    inputs = [helper.make_tensor_value_info(n, TensorProto.FLOAT, shape) for n, shape in given.items()]
    outputs = [helper.make_tensor_value_info(n, TensorProto.FLOAT, shape) for n, shape in made.items()]
    graph = helper.make_graph(list(nodes), "g", inputs, outputs, list(weights), sparse_initializer=list(sparse))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path.write_bytes(model.SerializeToString())
    return onnx_file.read(path)


def weight(name, shape):
    return numpy_helper.from_array(np.ones(shape, np.float32), name)


def test_a_tensor_dies_after_its_last_reader():
    # x(4) -> a(10) -> b(1), then x and b -> y(2). Alive: x+a = 14, x+a+b = 15, x+b+y = 7.
    steps = [(["x"], ["a"]), (["a"], ["b"]), (["x", "b"], ["y"])]
    assert peak_bytes(steps, ["x"], ["y"], {"x": 4, "a": 10, "b": 1, "y": 2}) == 15


def test_peak_of_a_chain_is_its_two_largest_neighbours(tmp_path):
    # x [1,4] 16 bytes, h [1,8] 32 bytes, y [1,2] 8 bytes: the first product holds 48, the second 40.
    nodes = [helper.make_node("MatMul", ["x", "w"], ["h"]), helper.make_node("MatMul", ["h", "v"], ["y"])]
    weights = [weight("w", (4, 8)), weight("v", (8, 2))]
    facts = facts_of(tmp_path / "m.onnx", nodes, given={"x": ["batch", 4]}, made={"y": None}, weights=weights)
    assert facts.peak_activation_bytes.value == 48
    assert facts.macs.value == 4 * 8 + 8 * 2
    assert facts.dynamic_axes[0] == "x[0]=batch"


def test_peak_is_unknown_with_a_reason_where_an_axis_is_open(tmp_path):
    node = helper.make_node("Relu", ["x"], ["y"])
    facts = facts_of(tmp_path / "m.onnx", [node], given={"x": [1, "time"]}, made={"y": None})
    assert facts.peak_activation_bytes.value is None
    assert "open" in facts.peak_activation_bytes.reason


@pytest.mark.parametrize(("kind", "gates"), [("LSTM", 4), ("GRU", 3), ("RNN", 1)])
def test_a_recurrent_layer_multiplies_at_every_step(kind, gates, tmp_path):
    # 7 steps, input 3, hidden 5: each gate 5 x 3 from the input and 5 x 5 from the state.
    weights = [weight("w", (1, gates * 5, 3)), weight("r", (1, gates * 5, 5))]
    node = helper.make_node(kind, ["x", "w", "r"], ["y"], hidden_size=5)
    facts = facts_of(tmp_path / "m.onnx", [node], given={"x": [7, 1, 3]}, made={"y": None}, weights=weights)
    assert facts.macs.value == 7 * gates * 5 * (3 + 5)


def test_an_einsum_of_two_operands_is_the_product_of_its_indices(tmp_path):
    # bij,bjk->bik with b 2, i 3, j 4, k 5.
    node = helper.make_node("Einsum", ["x", "w"], ["y"], equation="bij,bjk->bik")
    given = {"x": [2, 3, 4]}
    facts = facts_of(tmp_path / "m.onnx", [node], given=given, made={"y": None}, weights=[weight("w", (2, 4, 5))])
    assert facts.macs.value == 2 * 3 * 4 * 5


def test_a_shared_weight_counts_once_and_a_sparse_one_by_its_values(tmp_path):
    # w [4,4] used twice: 16 parameters, 2 x 16 MACs; s [4,2] sparse with 3 values: 3 parameters.
    # What a runtime multiplies of a sparse matrix is its own choice: never a partial sum of the 2 x 16 that are known.
    values = numpy_helper.from_array(np.ones(3, np.float32), "s")
    places = numpy_helper.from_array(np.array([0, 3, 5], np.int64), "at")
    sparse = helper.make_sparse_tensor(values, places, [4, 2])
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["a"]),
        helper.make_node("MatMul", ["a", "w"], ["b"]),
        helper.make_node("MatMul", ["b", "s"], ["y"]),
    ]
    facts = facts_of(
        tmp_path / "m.onnx",
        nodes,
        given={"x": [1, 4]},
        made={"y": [1, 2]},
        weights=[weight("w", (4, 4))],
        sparse=[sparse],
    )
    assert facts.parameters.value == 16 + 3
    assert facts.macs.value is None
    assert facts.macs.reason


@pytest.mark.parametrize("last", ["a", "b"])
def test_a_cycle_is_refused_not_endless(last, tmp_path):
    nodes = [helper.make_node("Add", ["x", last], ["a"]), helper.make_node("Relu", ["a"], ["b"])]
    with pytest.raises(DocumentError, match="a cycle"):
        facts_of(tmp_path / "m.onnx", nodes, given={"x": [1, 4]}, made={"b": None})


def test_a_name_that_two_nodes_make_and_an_output_that_none_makes_are_refused(tmp_path):
    nodes = [helper.make_node("Relu", ["x"], ["y"]), helper.make_node("Abs", ["x"], ["y"])]
    with pytest.raises(DocumentError, match="two nodes make 'y'"):
        facts_of(tmp_path / "m.onnx", nodes, given={"x": [1, 4]}, made={"y": None})
    with pytest.raises(DocumentError, match="nothing makes the output 'z'"):
        facts_of(tmp_path / "m.onnx", nodes[:1], given={"x": [1, 4]}, made={"z": None})


@pytest.mark.parametrize("precision", ["fp32", "fp16", "int8"])
def test_peak_of_the_shipped_models_is_known(precision):
    for suffix in ("onnx", "tflite"):
        assert inspect_model(DATA / f"digits-{precision}.{suffix}").peak_activation_bytes.value > 32 * 32


def test_int8_activations_of_tflite_take_less_than_those_of_fp32():
    peak = {p: inspect_model(DATA / f"digits-{p}.tflite").peak_activation_bytes.value for p in ("fp32", "int8")}
    assert peak["int8"] * 3 < peak["fp32"]


def test_a_tflite_tensor_whose_shape_is_a_lie_is_refused(tmp_path):
    import tflite

    data = bytearray((DATA / "digits-fp32.tflite").read_bytes())
    graph = tflite.Model.GetRootAs(data).Subgraphs(0)
    tensor = graph.Tensors(graph.Operators(0).Inputs(1))
    place = tensor._tab.Vector(tensor._tab.Offset(4))
    data[place : place + 4] = (10**9).to_bytes(4, "little")
    (tmp_path / "m.tflite").write_bytes(data)
    with pytest.raises(DocumentError, match="its shape needs"):
        inspect_model(tmp_path / "m.tflite")


def test_facts_of_an_older_version_are_read_with_a_peak_that_is_unknown():
    data = json.loads(json.dumps(inspect_model(DATA / "digits-int8.onnx").to_json()))
    for name in ("peak_activation_bytes", "custom_operators", "dynamic_axes"):
        del data[name]
    assert ModelFacts.from_json(data).peak_activation_bytes.value is None
