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


def test_a_standard_operator_that_the_standard_does_not_have_is_unknown_not_zero(tmp_path):
    node = helper.make_node("Frobnicate", ["x"], ["y"], name="odd")
    facts = onnx_file.read(save(tmp_path / "m.onnx", [node]))
    assert facts.macs.value is facts.parameters.value is None
    assert "odd" in facts.macs.reason


@pytest.mark.parametrize("kind", ["DFT", "LinearAttention", "CausalConvWithState", "AffineGrid", "Det"])
def test_a_standard_operator_that_multiplies_in_its_own_way_is_unknown_not_zero(kind, tmp_path):
    node = helper.make_node(kind, ["x"], ["y"])
    assert onnx_file.read(save(tmp_path / "m.onnx", [node], opsets=[("", 28)])).macs.value is None


def test_a_network_without_constants_has_no_parameters_which_is_a_count(tmp_path):
    assert onnx_file.read(save(tmp_path / "m.onnx", [helper.make_node("Relu", ["x"], ["y"])])).parameters.value == 0


def test_weights_inside_a_function_count_once_and_its_work_at_each_call(tmp_path):
    inside = [
        helper.make_node("Constant", [], ["fw"], value=weight("", (4, 4))),
        helper.make_node("MatMul", ["a", "fw"], ["b"]),
    ]
    function = helper.make_function("d", "F", ["a"], ["b"], inside, [helper.make_opsetid("", 17)])
    nodes = [helper.make_node("F", ["x"], ["h"], domain="d"), helper.make_node("F", ["h"], ["y"], domain="d")]
    path = save(tmp_path / "m.onnx", nodes, opsets=[("", 17), ("d", 1)], functions=[function])
    facts = onnx_file.read(path)
    assert (facts.parameters.value, facts.macs.value) == (16, 32)


def test_scales_that_go_into_a_function_or_through_a_view_are_no_parameters(tmp_path):
    inside = [
        helper.make_node("Identity", ["s"], ["t"]),
        helper.make_node("DequantizeLinear", ["w", "t"], ["f"], axis=1),
        helper.make_node("MatMul", ["a", "f"], ["b"]),
    ]
    function = helper.make_function("d", "F", ["a", "w", "s"], ["b"], inside, [helper.make_opsetid("", 17)])
    weights = [numpy_helper.from_array(np.ones((4, 4), np.int8), "w"), weight("s", (4,))]
    node = helper.make_node("F", ["x", "w", "s"], ["y"], domain="d")
    path = save(tmp_path / "m.onnx", [node], weights=weights, opsets=[("", 17), ("d", 1)], functions=[function])
    assert onnx_file.read(path).parameters.value == 16


@pytest.mark.parametrize("endless", [True, False])
def test_functions_that_write_out_to_more_than_a_million_nodes_are_refused_at_once(endless, tmp_path):
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("d", 1)]
    functions = []
    for i in range(31):
        below = "F30" if endless else f"F{i - 1}"
        body = [helper.make_node(below, [a], [b], domain="d") for a, b in (("a", "c"), ("c", "b"))]
        if i == 0 and not endless:
            body = [helper.make_node("Relu", ["a"], ["b"])]
        functions.append(helper.make_function("d", f"F{i}", ["a"], ["b"], body, opsets))
    node = helper.make_node("F30", ["x"], ["y"], domain="d")
    path = save(tmp_path / "m.onnx", [node], opsets=[("", 17), ("d", 1)], functions=functions)
    with pytest.raises(DocumentError, match="functions"):
        onnx_file.read(path)


@pytest.mark.parametrize("values", [0, 3])
def test_a_tensor_with_fewer_typed_values_than_its_shape_is_refused(values, tmp_path):
    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[4, 2**30], float_data=[1.0] * values)
    with pytest.raises(DocumentError, match=f"holds {values} values"):
        onnx_file.read(save(tmp_path / "m.onnx", [product()], weights=[tensor]))


def test_sizes_beyond_any_device_are_unknown(tmp_path):
    facts = onnx_file.read(save(tmp_path / "m.onnx", [product()], weights=[weight()], shape=(2**62, 4)))
    assert facts.macs.value is facts.peak_activation_bytes.value is None
    assert "more elements" in facts.macs.reason


@pytest.mark.parametrize(
    ("kind", "given", "kernel"), [("Conv", (1, 3, 8, 8), (6, 4, 3, 3)), ("ConvTranspose", (1, 3, 8, 8), (4, 6, 3, 3))]
)
def test_a_weight_for_another_number_of_channels_makes_macs_unknown(kind, given, kernel, tmp_path):
    node = helper.make_node(kind, ["x", "w"], ["y"])
    facts = onnx_file.read(save(tmp_path / "m.onnx", [node], weights=[weight("w", kernel)], shape=given))
    assert facts.macs.value is None


def test_external_data_that_is_cut_off_is_refused(tmp_path):
    (tmp_path / "w.bin").write_bytes(b"\0" * 63)
    with pytest.raises(DocumentError, match="ends beyond"):
        onnx_file.read(save(tmp_path / "m.onnx", [product()], weights=[outside("w.bin")]))
