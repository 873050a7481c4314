"""Samples reach the model as it wants them, each step is told, and a seed gives one feed."""

from __future__ import annotations

import numpy as np
import pytest

from benchfleet.agent.runner.contract import RuntimeFault, TensorSpec
from benchfleet.agent.runner.feeds import Feeder
from benchfleet.agent.runner.tensors import DataSet

FLOAT = TensorSpec("x", "float32", (None, 3))


def spec(**more):
    return {"batch": 2, "shapes": {}, "seed": 7, **more}


def data(tmp_path, layout=None, **arrays):
    import json
    import zipfile

    np.savez(tmp_path / "d.npz", **arrays)
    with zipfile.ZipFile(tmp_path / "d.npz", "a") as archive:
        archive.writestr("dataset.json", json.dumps({"layout": layout}))
    return DataSet(str(tmp_path / "d.npz"))


def array(tensor):
    return np.frombuffer(tensor.data, tensor.dtype).reshape(tensor.shape)


def test_a_batch_past_the_end_starts_again(tmp_path):
    x = np.arange(9, dtype=np.float32).reshape(3, 3)
    feeder = Feeder([FLOAT], spec(), data(tmp_path, x=x))
    assert (array(feeder.feed(2)[0]) == x[[2, 0]]).all()
    assert feeder.steps == []


def test_half_precision_is_converted_and_told(tmp_path):
    x = np.array([[0.1, 1.5, -2.0]], np.float32)
    feeder = Feeder([FLOAT._replace(dtype="float16")], spec(batch=1), data(tmp_path, x=x))
    assert (array(feeder.feed(0)[0]) == x.astype(np.float16)).all()
    assert feeder.steps == ["x: convert float32 to float16"]


def test_images_are_turned_and_quantised_by_the_input_s_own_numbers(tmp_path):
    x = np.random.default_rng(3).random((2, 1, 4, 5)).astype(np.float32)
    wanted = TensorSpec("image", "int8", (1, 4, 5, 1), scale=1 / 255, zero_point=-128)
    feeder = Feeder([wanted], spec(batch=1), data(tmp_path, "NCHW", x=x))
    expected = np.clip(np.round(x[1:].transpose(0, 2, 3, 1).astype(np.float64) * 255 - 128), -128, 127)
    assert (array(feeder.feed(1)[0]) == expected.astype(np.int8)).all()
    assert [step.split()[1] for step in feeder.steps] == ["transpose", "quantise"]


def test_one_seed_gives_one_feed_and_another_gives_another():
    inputs = [FLOAT, TensorSpec("ids", "int64", (None, 4)), TensorSpec("mask", "bool", (None, 4))]
    first, again, other = (Feeder(inputs, spec(seed=s), None).feed(0) for s in (1, 1, 2))
    assert Feeder(inputs, spec(), None).steps == ["seeded generator, seed 7: x 2x3, ids 2x4, mask 2x4"]
    assert first == again
    assert first != other
    assert ((array(first[0]) >= 0) & (array(first[0]) < 1)).all()
    assert set(array(first[1]).flatten()) <= {0, 1}


@pytest.mark.parametrize(
    ("wanted", "more", "reason", "says"),
    [
        (TensorSpec("x", "float32", (None, None)), {}, "dynamic_shape", r"--shape x="),
        (TensorSpec("x", "string", (None, 1)), {}, "unsupported_model", "string"),
        (FLOAT, {"shapes": {"x": (2, 4)}}, "dynamic_shape", "fixed size of 3"),
        (FLOAT, {"shapes": {"x": (5, 3)}}, "dynamic_shape", "batch is 2"),
        (FLOAT, {"shapes": {"z": (2, 3)}}, "unsupported_option", "no input z"),
    ],
)
def test_what_cannot_be_fed_names_the_input_and_the_way_out(wanted, more, reason, says):
    with pytest.raises(RuntimeFault, match=says) as caught:
        Feeder([wanted], spec(**more), None)
    assert caught.value.reason == reason
