"""The batch goes to the inputs that have room for it, and no input is cut to fit."""

from __future__ import annotations

import math

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from benchfleet.agent.runner.batch import check, first_axis
from benchfleet.agent.runner.contract import Options, RuntimeFault, TensorSpec
from benchfleet.agent.runner.feeds import Feeder
from benchfleet.agent.runner.tensors import DataSet
from benchfleet.agent.runtimes import litert, onnxruntime
from tests.support import tflite_models as tfl

ONE = Options(threads=1, batch=1, extra={})


@pytest.mark.parametrize(
    ("shapes", "batch"),
    [
        ([(64, 256)], 1),
        ([(1, 256)], 4),
        ([(None, 256), (2, 1, 64)], 4),
        ([(2, 1, 64), (3, 9)], 1),
    ],
)
def test_inputs_that_cannot_hold_the_batch_are_refused_with_a_way_out(shapes, batch):
    with pytest.raises(RuntimeFault, match=r"fixed batch of \d+; measure it with that batch, or export it"):
        check(shapes, batch)


@pytest.mark.parametrize(
    ("shapes", "batch"),
    [
        ([(1, 512), (2, 1, 128), ()], 1),  # a recurrent model with its state
        ([(None, 3, 8, 8), (500, 4)], 1),  # a detector with its anchors
        ([(15600,)], 1),  # a waveform
        ([(8, 3), (None, 3)], 8),
        ([()], 1),
    ],
)
def test_states_tables_and_waveforms_keep_their_size(shapes, batch):
    check(shapes, batch)
    for shape in shapes:
        assert first_axis(shape, batch) == ((shape[0] or batch) if shape else None)


@pytest.mark.parametrize("shape", [(98, 40), (15600,), (3, 16, 16)])
def test_an_input_without_a_batch_axis_takes_one_sample_that_has_its_shape(tmp_path, shape):
    saved = np.arange(2 * math.prod(shape), dtype=np.float32).reshape(2, *shape)
    np.savez(tmp_path / "set.npz", x=saved)
    dataset = DataSet(str(tmp_path / "set.npz"))
    assert dataset.sample_shapes() == (shape,)
    check([shape], 1, dataset.sample_shapes())
    spec = TensorSpec("x", "float32", shape)
    feeder = Feeder([spec], {"batch": 1, "shapes": {}, "seed": 0}, dataset)
    (fed,) = feeder.feed(1)
    assert fed.shape == shape
    assert fed.data == saved[1].tobytes()
    assert feeder.bare


@pytest.mark.parametrize(("samples", "batch"), [(((98,), (40, 98)), 1), (((98, 40),), 2), ((), 1)])
def test_a_fixed_batch_is_no_sample_unless_the_data_set_says_so(samples, batch):
    with pytest.raises(RuntimeFault, match="fixed batch of 98"):
        check([(98, 40)], batch, samples)


def test_a_waveform_may_be_as_long_as_it_is_said_to_be():
    (fed,) = Feeder([TensorSpec("x", "float32", (None,))], {"batch": 1, "shapes": {"x": [9]}, "seed": 0}, None).feed(0)
    assert fed.shape == (9,)


def test_litert_multiplies_with_the_whole_table_it_is_given(tmp_path):
    b = tfl.Builder()
    x, table, y = b.tensor([1, 8]), b.tensor([500, 8]), b.tensor([1, 500])
    b.operator(
        "FULLY_CONNECTED",
        [x, table, -1],
        [y],
        options=(tfl.fb.BuiltinOptions.FullyConnectedOptions, tfl.fb.FullyConnectedOptionsT()),
    )
    session = litert.load(str(b.write(tmp_path / "table.tflite", [x, table], [y])), ONE)
    session.prepare(Feeder(session.inputs, {"batch": 1, "shapes": {}, "seed": 0}, None).feed(0))
    session.run()
    (made,) = session.outputs()
    assert made.shape == (1, 500)


def test_onnxruntime_runs_a_model_with_its_state(tmp_path):
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node("Identity", ["x"], ["y"]), helper.make_node("Identity", ["h"], ["g"])],
        "state",
        [value("x", TensorProto.FLOAT, [1, 4]), value("h", TensorProto.FLOAT, [2, 1, 4])],
        [value("y", TensorProto.FLOAT, [1, 4]), value("g", TensorProto.FLOAT, [2, 1, 4])],
    )
    path = str(tmp_path / "state.onnx")
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    session = onnxruntime.load(path, ONE)
    session.prepare(Feeder(session.inputs, {"batch": 1, "shapes": {}, "seed": 0}, None).feed(0))
    session.run()
    assert [t.shape for t in session.outputs()] == [(1, 4), (2, 1, 4)]


@pytest.mark.parametrize("kind", ["string", "sequence", "bfloat16"])
def test_onnxruntime_refuses_an_output_that_nothing_can_check(tmp_path, kind):
    value = helper.make_tensor_value_info
    x = value("x", TensorProto.FLOAT, [1, 4])
    node, out = {
        "string": (
            helper.make_node("Cast", ["x"], ["y"], to=TensorProto.STRING),
            value("y", TensorProto.STRING, [1, 4]),
        ),
        "sequence": (
            helper.make_node("SplitToSequence", ["x"], ["y"], axis=1),
            helper.make_tensor_sequence_value_info("y", TensorProto.FLOAT, None),
        ),
        "bfloat16": (
            helper.make_node("Cast", ["x"], ["y"], to=TensorProto.BFLOAT16),
            value("y", TensorProto.BFLOAT16, [1, 4]),
        ),
    }[kind]
    model = helper.make_model(
        helper.make_graph([node], "g", [x], [out]), opset_imports=[helper.make_opsetid("", 17)], ir_version=8
    )
    with pytest.raises(RuntimeFault, match=r"output 'y' has type .* cannot be checked"):
        onnxruntime.load(_saved(model, tmp_path), ONE)


def _saved(model, folder) -> str:
    path = str(folder / "model.onnx")
    onnx.save(model, path)
    return path


@pytest.mark.parametrize("symbol", ["T", "seq", "num_points"])
def test_onnxruntime_takes_an_axis_named_for_something_else_for_no_batch(tmp_path, symbol):
    session = onnxruntime.load(_relu(tmp_path, [symbol, 4]), ONE)
    with pytest.raises(RuntimeFault, match=r"open sizes \(\?x4\); say them with --shape x="):
        Feeder(session.inputs, {"batch": 1, "shapes": {}, "seed": 0}, None)
    (fed,) = Feeder(session.inputs, {"batch": 1, "shapes": {"x": [7, 4]}, "seed": 0}, None).feed(0)
    assert fed.shape == (7, 4)
    with pytest.raises(RuntimeFault, match="fixed batch of 1"):
        onnxruntime.load(_relu(tmp_path, [symbol, 4]), ONE._replace(batch=2))


@pytest.mark.parametrize("symbol", ["N", "batch", "batch_steps", "unk__7", None])
def test_onnxruntime_takes_any_other_open_first_axis_for_a_batch(tmp_path, symbol):
    session = onnxruntime.load(_relu(tmp_path, [symbol, 4]), ONE)
    (fed,) = Feeder(session.inputs, {"batch": 3, "shapes": {}, "seed": 0}, None).feed(0)
    assert fed.shape == (3, 4)


def _relu(folder, shape) -> str:
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in "xy"]
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", values[:1], values[1:])
    return _saved(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), folder)
