"""Sizes that a file leaves open: unknown until they are said, then exact; a batch is taken as one, and that is told."""

import json

import numpy as np
import pytest
from click.testing import CliRunner
from onnx import TensorProto, helper, numpy_helper

from benchfleet.controller.cli.inspect import command
from benchfleet.controller.inspection import onnx_file, tflite_file
from benchfleet.core.errors import DocumentError
from tests.support.tflite_models import Builder


def model(path, inputs, node=None):
    """[..., 4] times 4 x 3, with further inputs that are only there."""
    nodes = [node or helper.make_node("MatMul", ["x", "w"], ["y"])]
    nodes += [helper.make_node("Identity", [name], [f"{name}_out"]) for name in inputs if name != "x"]
    given = [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in inputs.items()]
    made = [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)]
    graph = helper.make_graph(nodes, "g", given, made, [numpy_helper.from_array(np.ones((4, 3), np.float32), "w")])
    path.write_bytes(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]).SerializeToString())
    return path


@pytest.fixture
def file(tmp_path):
    return tmp_path / "m.onnx"


@pytest.mark.parametrize("first", ["batch", "batch_size", "N", "s0", "unk__7", None])
def test_an_open_first_axis_is_a_batch_of_one_and_the_facts_say_so(first, file):
    facts = onnx_file.read(model(file, {"x": [first, 5, 4]}))
    assert facts.macs.value == 5 * 4 * 3
    assert facts.counted_with == {"x": (1, 5, 4)}


@pytest.mark.parametrize("first", ["seq", "sequence_length", "height", "num_tokens", "time", "T"])
def test_an_axis_that_is_named_for_something_else_stays_open(first, file):
    facts = onnx_file.read(model(file, {"x": [first, 4]}))
    assert facts.macs.value is None
    assert "--shape x=?x4" in facts.macs.reason
    assert facts.counted_with == {"x": (None, 4)}


def test_two_vague_names_are_both_left_open(file):
    assert onnx_file.read(model(file, {"x": ["a", 4], "z": ["q", 4]})).macs.value is None


def test_a_symbol_that_is_a_first_axis_here_and_an_inner_one_there_is_no_batch(file):
    assert onnx_file.read(model(file, {"x": ["k", 4], "z": [2, "k"]})).macs.value is None
    assert onnx_file.read(model(file, {"x": ["n", "n"]})).macs.value is None


def test_a_batch_behind_another_axis_is_the_same_batch(file):
    facts = onnx_file.read(model(file, {"x": ["batch", 2, 4], "state": [2, "batch", 8]}))
    assert facts.counted_with == {"x": (1, 2, 4), "state": (2, 1, 8)}


@pytest.mark.parametrize("size", [-1, 0])
def test_a_size_that_exporters_write_for_open_is_open(size, file):
    facts = onnx_file.read(model(file, {"x": [1, size, 4]}))
    assert facts.macs.value is None
    assert facts.inputs[0].shape == (1, None, 4)


def test_sizes_that_are_said_make_the_count_exact(file):
    model(file, {"x": ["batch", "seq", 4], "mask": ["batch", "seq"]})
    assert onnx_file.read(file).macs.value is None
    facts = onnx_file.read(file, {"x": (2, 7, 4)})
    assert facts.macs.value == 2 * 7 * 4 * 3
    assert facts.counted_with["mask"] == (2, 7)  # one symbol, one size


def test_a_nameless_axis_is_not_guessed_once_the_user_says_sizes(file):
    facts = onnx_file.read(model(file, {"x": ["batch", 4], "z": [None, 4]}), {"x": (2, 4)})
    assert facts.counted_with == {"x": (2, 4), "z": (None, 4)}


@pytest.mark.parametrize(
    ("shapes", "says"),
    [
        ({"z": (1, 4)}, "no such input; there are: x"),
        ({"x": (1, 4, 4)}, "has 2 axes, not 3"),
        ({"x": (1, 5)}, "the file says 4"),
    ],
)
def test_sizes_that_the_file_contradicts_are_refused(shapes, says, file):
    with pytest.raises(DocumentError, match=says):
        onnx_file.read(model(file, {"x": ["batch", 4]}), shapes)


def test_one_symbol_with_two_sizes_is_refused(file):
    with pytest.raises(DocumentError, match="n is 2"):
        onnx_file.read(model(file, {"x": ["n", 4], "z": ["n", 4]}), {"x": (2, 4), "z": (3, 4)})


def test_the_command_takes_sizes_and_shows_them(file):
    model(file, {"x": ["batch", "seq", 4]})
    shown = CliRunner().invoke(command, [str(file), "--shape", "x=1x6x4", "--json"])
    assert json.loads(shown.output)["macs"]["value"] == 6 * 4 * 3
    shown = CliRunner().invoke(command, [str(file), "--shape", "x=1x6x4"])
    assert "x = 1 x 6 x 4" in shown.output


@pytest.mark.parametrize("text", ["x", "=1x4", "x=", "x=1x-4", "x=ax4", "x=0"])
def test_sizes_that_make_no_sense_are_refused_before_anything_is_read(text, file):
    result = CliRunner().invoke(command, [str(file), "--shape", text], standalone_mode=False)
    assert isinstance(result.exception, DocumentError)


def test_a_tflite_file_is_counted_with_the_sizes_written_in_it(tmp_path):
    b = Builder()
    x, y = b.tensor([1, 4], signature=[-1, 4]), b.tensor([1, 3], signature=[-1, 3])
    b.operator("FULLY_CONNECTED", [x, b.constant(np.ones((3, 4), np.float32))], [y])
    path = b.write(tmp_path / "m.tflite", [x], [y])
    assert tflite_file.read(path, {}).macs.value == tflite_file.read(path, {"t0": (1, 4)}).macs.value == 12
    other = tflite_file.read(path, {"t0": (8, 4)})
    assert other.macs.value is other.peak_activation_bytes.value is None
    with pytest.raises(DocumentError, match="no such input; there are: t0"):
        tflite_file.read(path, {"x": (1, 4)})
