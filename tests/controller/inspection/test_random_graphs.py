"""Random layers: the output that ONNX Runtime and numpy really make, times what each element of it needs."""

from pathlib import Path

import numpy as np
import onnxruntime
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from benchfleet.controller.inspection import onnx_file


def file(folder, node, shape, weight):
    given = [helper.make_tensor_value_info("x", TensorProto.FLOAT, list(shape))]
    made = [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)]
    graph = helper.make_graph([node], "g", given, made, [numpy_helper.from_array(weight, "w")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path = folder / "m.onnx"
    path.write_bytes(model.SerializeToString())
    return path


def output_size(path: Path, shape) -> int:
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return int(session.run(None, {"x": np.zeros(shape, np.float32)})[0].size)


small = st.integers(1, 3)


@settings(max_examples=40, deadline=None)
@given(
    groups=small, inner=small, outer=small, kernel=st.tuples(small, small), strides=st.tuples(small, small),
    dilations=st.tuples(small, small), pads=st.tuples(*[st.integers(0, 2)] * 4), batch=small,
    sides=st.tuples(st.integers(7, 12), st.integers(7, 12)), transposed=st.booleans(),
)  # fmt: skip
def test_convolutions(
    tmp_path_factory, groups, inner, outer, kernel, strides, dilations, pads, batch, sides, transposed
):
    shape = (batch, groups * inner, *sides)
    weight = np.zeros((groups * inner, outer, *kernel) if transposed else (groups * outer, inner, *kernel), np.float32)
    attributes = {"group": groups, "strides": strides, "dilations": dilations, "pads": [0] * 4 if transposed else pads}
    node = helper.make_node("ConvTranspose" if transposed else "Conv", ["x", "w"], ["y"], **attributes)
    path = file(tmp_path_factory.mktemp("m"), node, shape, weight)
    elements = int(np.prod(shape)) * outer if transposed else output_size(path, shape) * inner
    assert onnx_file.read(path).macs.value == elements * kernel[0] * kernel[1]


@settings(max_examples=40, deadline=None)
@given(
    left=st.lists(small, max_size=2), right=st.lists(small, max_size=2), m=st.integers(1, 5), k=st.integers(1, 5),
    n=st.integers(1, 5),
)  # fmt: skip
def test_products(tmp_path_factory, left, right, m, k, n):
    short = min(len(left), len(right))
    for i in range(1, short + 1):  # what broadcasts is equal or 1
        if left[-i] != right[-i]:
            right[-i] = 1
    shape, weight = (*left, m, k), np.zeros((*right, k, n), np.float32)
    path = file(tmp_path_factory.mktemp("m"), helper.make_node("MatMul", ["x", "w"], ["y"]), shape, weight)
    made = np.matmul(np.zeros(shape, np.float32), weight)
    facts = onnx_file.read(path)
    assert facts.macs.value == made.size * k
    assert facts.peak_activation_bytes.value == 4 * (int(np.prod(shape)) + made.size)
