"""Counts agree with the published ones, and what cannot be known is null with the node that is to blame."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from benchfleet.controller.inspection import inspect_model, onnx_file
from benchfleet.core.errors import DocumentError

LIGHT = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"


def save(path, nodes, *, weights=(), opsets=(("", 17),), shape=(1, 4), functions=()):
    value = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in ("x", "y")]
    graph = helper.make_graph(list(nodes), "g", value[:1], value[1:], list(weights))
    opset_imports = [helper.make_opsetid(*opset) for opset in opsets]
    model = helper.make_model(graph, opset_imports=opset_imports, functions=list(functions), ir_version=8)
    path.write_bytes(model.SerializeToString())
    return path


def weight(name="w", shape=(4, 4)):
    return numpy_helper.from_array(np.ones(shape, np.float32), name)


def product():
    return helper.make_node("MatMul", ["x", "w"], ["y"], name="dense")


def outside(location):
    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[4, 4], data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value=location)
    return tensor


@pytest.mark.parametrize(
    ("name", "macs", "parameters"),
    [
        ("resnet50", 4_089_184_256, 25_610_152),
        ("vgg19", 19_632_062_464, 143_667_240),
        ("squeezenet", 349_151_936, 1_235_496),
        ("densenet121", 2_834_161_664, 8_146_152),
        ("inception_v1", 1_431_556_352, 6_998_552),
        ("bvlc_alexnet", 654_560_384, 60_965_224),
        ("shufflenet", 124_664_528, 1_420_152),
    ],
)
def test_counts_of_known_networks(name, macs, parameters):
    facts = onnx_file.read(LIGHT / f"light_{name}.onnx")
    assert facts.macs.value == macs
    assert facts.parameters.value == parameters


def test_a_weight_of_unknown_size_makes_parameters_unknown(tmp_path):
    nodes = [
        helper.make_node("Shape", ["x"], ["size"]),
        helper.make_node("ConstantOfShape", ["size"], ["w2"], name="filler"),
        helper.make_node("MatMul", ["x", "w"], ["h"]),
        helper.make_node("MatMul", ["h", "w2"], ["y"]),
    ]
    facts = onnx_file.read(save(tmp_path / "m.onnx", nodes, weights=[weight()]))
    assert facts.parameters.value is None
    assert "filler" in facts.parameters.reason


@pytest.mark.parametrize("domain", ["nowhere", "com.microsoft"])
def test_an_operator_that_is_not_known_makes_macs_unknown_not_zero(tmp_path, domain):
    node = helper.make_node("Frobnicate", ["x"], ["y"], name="odd", domain=domain)
    facts = onnx_file.read(save(tmp_path / "m.onnx", [node], opsets=[("", 17), (domain, 1)]))
    assert facts.macs.value is None
    assert "odd" in facts.macs.reason


def test_macs_inside_a_function_of_the_model_are_counted(tmp_path):
    inner = helper.make_node("MatMul", ["a", "b"], ["c"])
    function = helper.make_function("own", "Dense", ["a", "b"], ["c"], [inner], [helper.make_opsetid("", 17)])
    node = helper.make_node("Dense", ["x", "w"], ["y"], domain="own")
    opsets = [("", 17), ("own", 1)]
    path = save(tmp_path / "m.onnx", [node], weights=[weight()], opsets=opsets, functions=[function])
    assert onnx_file.read(path).macs.value == 16


def test_an_open_axis_inside_makes_macs_unknown(tmp_path):
    path = save(tmp_path / "m.onnx", [product()], weights=[weight()], shape=("batch", "tokens", 4))
    facts = onnx_file.read(path)
    assert facts.macs.value is None
    assert "dense" in facts.macs.reason


def test_weights_in_constant_nodes_are_parameters(tmp_path):
    nodes = [helper.make_node("Constant", [], ["w"], value=weight()), product()]
    assert onnx_file.read(save(tmp_path / "m.onnx", nodes)).parameters.value == 16


def test_packed_weights_count_by_what_they_hold(tmp_path):
    # 4 x 4 values of 4 bits; the scales of the blocks help, they are not learned.
    node = helper.make_node("MatMulNBits", ["x", "w", "s"], ["y"], domain="com.microsoft", K=4, N=4, bits=4)
    opsets = [("", 17), ("com.microsoft", 1)]
    weights = [weight(), weight("s", (4,))]
    facts = onnx_file.read(save(tmp_path / "m.onnx", [node], weights=weights, opsets=opsets))
    assert (facts.parameters.value, facts.weight_bytes.value, facts.macs.value) == (16, 8, 16)


@pytest.mark.parametrize(("kind", "bits"), [("QMoE", 4), ("MatMulNBits", 3)])
def test_weights_packed_in_an_unknown_way_make_parameters_unknown(kind, bits, tmp_path):
    node = helper.make_node(kind, ["x", "w"], ["y"], name="odd", domain="com.microsoft", K=4, N=4, bits=bits)
    opsets = [("", 17), ("com.microsoft", 1)]
    facts = onnx_file.read(save(tmp_path / "m.onnx", [node], weights=[weight()], opsets=opsets))
    assert facts.parameters.value is facts.weight_bytes.value is None
    assert "odd" in facts.parameters.reason


@pytest.mark.parametrize("location", ["../w", "/etc/passwd", "a/../../w", "..\\w", "C:\\w", "link.bin", ""])
@pytest.mark.parametrize("holder", ["initializer", "Constant", "ConstantOfShape"])
def test_external_data_outside_the_folder_is_refused_wherever_it_hides(tmp_path, holder, location):
    (tmp_path / "link.bin").symlink_to("/etc/passwd")
    if holder == "initializer":
        save(tmp_path / "m.onnx", [product()], weights=[outside(location)])
    else:
        inputs = ["size"] if holder == "ConstantOfShape" else []
        save(tmp_path / "m.onnx", [helper.make_node(holder, inputs, ["w"], value=outside(location)), product()])
    with pytest.raises(DocumentError, match="outside"):
        onnx_file.read(tmp_path / "m.onnx")


def test_external_data_beside_the_model_is_listed(tmp_path):
    path = save(tmp_path / "m.onnx", [product()], weights=[outside("weights/w.bin")])
    assert onnx_file.read(path).external_data == ("weights/w.bin",)


@pytest.mark.parametrize("dims", [[-4, 4], [4, 4_000_000_000]])
def test_a_tensor_whose_shape_is_a_lie_is_refused(tmp_path, dims):
    tensor = weight()
    tensor.dims[:] = dims
    with pytest.raises(DocumentError, match="'w'"):
        onnx_file.read(save(tmp_path / "m.onnx", [product()], weights=[tensor]))


def test_nothing_is_imported_from_the_folder_the_user_stands_in(tmp_path, monkeypatch):
    (tmp_path / "onnx.py").write_text("raise SystemExit(9)")
    save(tmp_path / "m.onnx", [product()], weights=[weight()])
    monkeypatch.chdir(tmp_path)
    assert inspect_model(Path("m.onnx")).macs.value == 16


def test_a_shape_computed_from_constants_is_followed(tmp_path):
    half = numpy_helper.from_array(np.array([1], np.int64), "half")
    ends = numpy_helper.from_array(np.array([2], np.int64), "ends")
    nodes = [
        helper.make_node("Concat", ["half", "ends", "ends"], ["joined"], axis=0),
        helper.make_node("Slice", ["joined", "zero", "ends"], ["size"]),
        helper.make_node("Reshape", ["x", "size"], ["flat"]),
        helper.make_node("MatMul", ["flat", "w"], ["y"]),
    ]
    zero = numpy_helper.from_array(np.array([0], np.int64), "zero")
    weights = [half, ends, zero, weight(shape=(2, 4))]
    assert onnx_file.read(save(tmp_path / "m.onnx", nodes, weights=weights, shape=(1, 2))).macs.value == 8


def test_a_huge_constant_is_not_computed(tmp_path):
    size = numpy_helper.from_array(np.array([10**12], np.int64), "size")
    value = numpy_helper.from_array(np.array([1], np.int64), "one")
    nodes = [
        helper.make_node("ConstantOfShape", ["size"], ["huge"], value=value),
        helper.make_node("Reshape", ["x", "huge"], ["flat"]),
        helper.make_node("MatMul", ["flat", "w"], ["y"], name="dense"),
    ]
    facts = onnx_file.read(save(tmp_path / "m.onnx", nodes, weights=[size, weight()]))
    assert facts.macs.value is None
