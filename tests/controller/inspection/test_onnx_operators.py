"""Multiply-accumulates and parameters of single operators, ONNX Runtime's own included, against figures by hand."""

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from benchfleet.controller.inspection import onnx_file

MICROSOFT = "com.microsoft"


def facts_of(path, kind, inputs, *, domain="", opset=17, element=TensorProto.FLOAT, **attributes):
    """`inputs` in order: a list is an activation, a tuple or an array is a weight."""
    names, given, held = [], [], []
    for i, shape in enumerate(inputs):
        names.append(f"i{i}")
        if isinstance(shape, list):
            given.append(helper.make_tensor_value_info(f"i{i}", element, shape))
        elif isinstance(shape, np.ndarray):
            held.append(numpy_helper.from_array(shape, f"i{i}"))
        else:
            held.append(numpy_helper.from_array(np.ones(shape, np.float32), f"i{i}"))
    node = helper.make_node(kind, names, ["y"], domain=domain, **attributes)
    made = [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)]
    graph = helper.make_graph([node], "g", given, made, held)
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid(MICROSOFT, 1)]
    (path / "m.onnx").write_bytes(helper.make_model(graph, opset_imports=opsets).SerializeToString())
    return onnx_file.read(path / "m.onnx")


def int8(*shape):
    return np.ones(shape, np.int8)


def int32(*shape):
    return np.ones(shape, np.int32)


ONE, ZERO = np.array(1, np.float32), np.array(0, np.uint8)
X = [1, 4, 8, 8]
FLOATING = {
    "grouped": ("Conv", [X, (6, 2, 3, 3)], {"group": 2}, 36 * 6 * 2 * 9, 108),
    "depthwise": ("Conv", [X, (4, 1, 3, 3)], {"group": 4, "pads": [1] * 4}, 64 * 4 * 9, 36),
    "dilated": ("Conv", [X, (6, 4, 3, 3)], {"dilations": [2, 2]}, 16 * 6 * 4 * 9, 216),
    "one axis": ("Conv", [[1, 4, 10], (6, 4, 3)], {}, 8 * 6 * 4 * 3, 72),
    "transposed": ("ConvTranspose", [[1, 4, 5, 5], (4, 3, 2, 2)], {"strides": [2, 2]}, 25 * 4 * 3 * 4, 48),
    "deformable": ("DeformConv", [X, (6, 4, 3, 3), [1, 18, 6, 6]], {"kernel_shape": [3, 3]}, 36 * 6 * 4 * 9, 216),
    "gemm": ("Gemm", [[4, 2], (3, 4), (3,)], {"transA": 1, "transB": 1}, 2 * 3 * 4, 15),
    "matmul of a vector": ("MatMul", [[4], (4, 3)], {}, 12, 12),
    "matmul by a vector": ("MatMul", [[2, 3, 4], (4,)], {}, 24, 4),
    "broadcast matmul": ("MatMul", [[5, 1, 2, 4], (3, 4, 6)], {}, 5 * 3 * 2 * 6 * 4, 72),
    "einsum with dots": ("Einsum", [[2, 3, 4], (4, 5)], {"equation": "...i,ij->...j"}, 120, 20),
    "attention of 4 axes": ("Attention", [[1, 2, 6, 4], [1, 2, 9, 4], [1, 2, 9, 3]], {}, 2 * 6 * 9 * (4 + 3), 0),
    "attention of 3 axes": (
        "Attention", [[1, 6, 8], [1, 9, 8], [1, 9, 6]], {"q_num_heads": 2, "kv_num_heads": 2}, 6 * 9 * (8 + 6), 0
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", FLOATING)
def test_standard_operators(case, tmp_path):
    kind, inputs, attributes, macs, parameters = FLOATING[case]
    facts = facts_of(tmp_path, kind, inputs, opset=23, **attributes)
    assert facts.macs.value == macs
    assert facts.parameters.value == parameters


QUANTISED = {
    "ConvInteger": ([X, int8(6, 4, 3, 3)], 36 * 6 * 36, 216),
    "QLinearConv": (
        [X, ONE, ZERO, int8(6, 4, 3, 3), np.ones(6, np.float32), int8(6), ONE, ZERO, int32(6)], 36 * 6 * 36, 222
    ),
    "MatMulInteger": ([[2, 4], int8(4, 3)], 24, 12),
    "QLinearMatMul": ([[2, 4], ONE, ZERO, int8(4, 3), np.ones(3, np.float32), int8(3), ONE, ZERO], 24, 12),
}  # fmt: skip


@pytest.mark.parametrize("kind", QUANTISED)
def test_quantised_operators_count_no_scales_and_no_zero_points(kind, tmp_path):
    inputs, macs, parameters = QUANTISED[kind]
    facts = facts_of(tmp_path, kind, inputs, element=TensorProto.UINT8)
    assert facts.macs.value == macs
    assert facts.parameters.value == parameters
    assert facts.precision == "int8"


CONTRIB = {
    "FusedMatMul": ([[2, 64], (32, 64)], {"transB": 1}, 2 * 64 * 32, 2048),
    "FusedGemm": ([[2, 4], (3, 4)], {"transB": 1}, 24, 12),
    "FusedConv": ([X, (6, 4, 3, 3)], {"strides": [2, 2], "pads": [1] * 4}, 16 * 6 * 36, 216),
    "MatMulNBits": ([[2, 64], np.ones((32, 2, 16), np.uint8), (64,)], {"K": 64, "N": 32, "bits": 4}, 4096, 2048),
    "MatMulBnb4": ([[2, 64], np.ones(1024, np.uint8), (32,)], {"K": 64, "N": 32, "quant_type": 1}, 4096, 2048),
    "DynamicQuantizeMatMul": ([[2, 4], int8(4, 3), (3,)], {}, 24, 12),
    "MatMulIntegerToFloat": ([[2, 4], int8(4, 3), ONE, (3,)], {}, 24, 12),
    "QGemm": ([[2, 4], ONE, ZERO, int8(3, 4), (3,), int8(3), int32(3), ONE, ZERO], {"transB": 1}, 24, 15),
    # batch 1, 6 steps, width 8: the projection to 24, then scores and their sum over 6 places.
    "Attention": ([[1, 6, 8], (8, 24), (24,)], {"num_heads": 2}, 6 * 8 * 24 + 6 * 6 * (8 + 8), 8 * 24 + 24),
    "MultiHeadAttention": ([[1, 6, 8], [1, 9, 8], [1, 9, 10]], {"num_heads": 2}, 6 * 9 * (8 + 10), 0),
    "Gelu": ([[1, 6]], {}, 0, 0),
}


@pytest.mark.parametrize("kind", CONTRIB)
def test_operators_of_onnx_runtime(kind, tmp_path):
    inputs, attributes, macs, parameters = CONTRIB[kind]
    facts = facts_of(tmp_path, kind, inputs, domain=MICROSOFT, **attributes)
    assert facts.macs.value == macs
    assert facts.parameters.value == parameters
    assert facts.peak_activation_bytes.value is not None


@pytest.mark.parametrize("kind", ["GroupQueryAttention", "QMoE", "NhwcConv", "CropAndResize"])
def test_an_operator_of_onnx_runtime_without_an_entry_is_unknown(kind, tmp_path):
    assert facts_of(tmp_path, kind, [[1, 6, 8]], domain=MICROSOFT).macs.value is None


def test_shapes_go_on_behind_operators_of_onnx_runtime(tmp_path):
    kinds = ["Gelu", "QuickGelu", "FastGelu"]
    nodes = [helper.make_node(k, [f"t{i}"], [f"t{i + 1}"], domain=MICROSOFT) for i, k in enumerate(kinds)]
    nodes.append(helper.make_node("MatMul", ["t3", "w"], ["y"]))
    held = [numpy_helper.from_array(np.ones((4, 3), np.float32), "w")]
    given = [helper.make_tensor_value_info("t0", TensorProto.FLOAT, [2, 4])]
    graph = helper.make_graph(nodes, "g", given, [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)], held)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid(MICROSOFT, 1)]
    (tmp_path / "m.onnx").write_bytes(helper.make_model(graph, opset_imports=opsets).SerializeToString())
    facts = onnx_file.read(tmp_path / "m.onnx")
    assert facts.macs.value == 24
    assert facts.peak_activation_bytes.value == 2 * 2 * 4 * 4
