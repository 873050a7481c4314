"""Declared steps are made in their order, alike with and without numpy, and what was fed is told."""

from __future__ import annotations

import numpy as np
import pytest

from benchfleet.agent.runner import preprocess
from benchfleet.agent.runner.contract import RuntimeFault, Tensor, TensorSpec
from benchfleet.agent.runner.preprocess import Preparation, taps

MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


def prepared(x, about, shape, spec=None):
    spec = spec or TensorSpec("x", "float32", (None, *shape))
    given = Tensor("x", str(x.dtype), x.shape, np.ascontiguousarray(x).tobytes())
    return Preparation(spec, given, (1, *shape), about, only=True)


def fed(x, about, shape, spec=None, i=0):
    made = prepared(x, about, shape, spec)
    dtype = spec.dtype if spec else "float32"
    return np.frombuffer(made.sample(i), dtype).reshape(shape), made


@pytest.fixture(params=[True, False], ids=["numpy", "plain"])
def _either(request, monkeypatch):
    if not request.param:
        monkeypatch.setattr(preprocess, "numpy", lambda: None)


PHOTO = np.random.default_rng(5).integers(0, 256, (2, 6, 8, 3), np.uint8)


@pytest.mark.usefixtures("_either")
def test_a_photo_is_made_what_a_network_wants():
    about = {
        "stored": {"layout": "NHWC", "channels": "RGB"},
        "wants": {"crop": [4, 4], "channels": "BGR", "scale": 1 / 255, "mean": MEAN, "std": STD, "layout": "NCHW"},
    }
    found, made = fed(PHOTO, about, (3, 4, 4), i=1)
    expected = ((PHOTO[1, 1:5, 2:6, ::-1] / 255.0 - MEAN) / STD).transpose(2, 0, 1)
    assert found == pytest.approx(expected, abs=1e-6)
    assert [step.split()[1] for step in made.steps] == ["crop", "channels", "scale", "mean", "transpose", "convert"]
    assert (made.low, made.high) == pytest.approx((expected.min(), expected.max()))


@pytest.mark.usefixtures("_either")
@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_a_resized_slope_stays_a_slope(layout):
    slope = np.broadcast_to(np.arange(8, dtype=np.float32)[None, None, None, :], (1, 2, 5, 8))
    x, shape = (slope, (2, 10, 16)) if layout == "NCHW" else (slope.transpose(0, 2, 3, 1), (10, 16, 2))
    found, _ = fed(x, {"stored": {"layout": layout}, "wants": {"resize": [10, 16]}}, shape)
    row = found[0, 0] if layout == "NCHW" else found[0, :, 0]
    assert row == pytest.approx(np.clip((np.arange(16) + 0.5) / 2 - 0.5, 0, 7))


def test_bilinear_is_what_pillow_does_when_it_enlarges():
    from PIL import Image

    x = np.random.default_rng(1).random((1, 5, 7, 1)).astype(np.float32)
    found, _ = fed(x, {"stored": {"layout": "NHWC"}, "wants": {"resize": [9, 20]}}, (9, 20, 1))
    image = Image.fromarray(x[0, :, :, 0]).resize((20, 9), Image.Resampling.BILINEAR)
    assert found[:, :, 0] == pytest.approx(np.asarray(image), abs=1e-5)
    assert taps(4, 2, "nearest") == [(1, 1, 0.0), (3, 3, 0.0)]


@pytest.mark.parametrize("dtype", ["float32", "float16", "int8", "uint8"])
@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_plain_python_makes_the_numbers_that_numpy_makes(monkeypatch, layout, dtype):
    x = PHOTO if layout == "NHWC" else np.ascontiguousarray(PHOTO.transpose(0, 3, 1, 2))
    other = "NCHW" if layout == "NHWC" else "NHWC"
    about = {
        "stored": {"layout": layout, "channels": "RGB"},
        "wants": {"resize": [5, 9], "crop": [4, 7], "channels": "BGR", "scale": 1 / 255, "mean": 0.5, "std": STD,
                  "layout": other},
    }  # fmt: skip
    shape = (3, 4, 7) if other == "NCHW" else (4, 7, 3)
    quantised = {"scale": 0.02, "zero_point": 3} if "int" in dtype else {}
    spec = TensorSpec("x", dtype, (None, *shape), **quantised)
    one, seen = fed(x, about, shape, spec)
    monkeypatch.setattr(preprocess, "numpy", lambda: None)
    two, again = fed(x, about, shape, spec)
    assert np.abs(one.astype(float) - two.astype(float)).max() <= (1 if "int" in dtype else 2e-3)
    assert (seen.low, seen.high, seen.outside) == pytest.approx((again.low, again.high, again.outside))


@pytest.mark.usefixtures("_either")
def test_what_a_quantised_input_cannot_hold_is_counted():
    x = np.array([[0.0, 0.5, 1.0, 200.0]], np.float32)
    spec = TensorSpec("x", "int8", (None, 4), scale=1 / 255, zero_point=-128)
    found, made = fed(x, {}, (4,), spec)
    assert found.tolist() == [-128, 0, 127, 127]
    assert (made.outside, made.count) == (1, 4)
    assert made.held() == pytest.approx((0, 1))


def test_whole_numbers_go_into_a_quantised_input_as_they_are():
    x = np.arange(4, dtype=np.int8)[None]
    found, made = fed(x, {}, (4,), TensorSpec("x", "int8", (None, 4), scale=0.5, zero_point=1))
    assert found.tolist() == [0, 1, 2, 3]
    assert made.steps == []


@pytest.mark.parametrize(
    ("about", "shape", "says"),
    [
        ({"stored": {"layout": "NHWC"}, "wants": {"crop": [7, 7]}}, (7, 7, 3), "crop of 7x7"),
        ({"stored": {"layout": "NHWC"}, "wants": {"layout": "NCHW"}}, (6, 8, 3), "do not fit"),
        ({"stored": {"layout": "NHWC"}, "wants": {"mean": [1, 2]}}, (6, 8, 3), "2 numbers for 3 channels"),
        ({}, (3, 6, 8), "declare the data set's layout"),
    ],
)
def test_what_cannot_be_made_is_refused(about, shape, says):
    with pytest.raises(RuntimeFault, match=says):
        prepared(PHOTO, about, shape)


def test_of_several_inputs_only_images_are_touched():
    ids = np.arange(6, dtype=np.int64).reshape(2, 3)
    given = Tensor("ids", "int64", ids.shape, ids.tobytes())
    made = Preparation(TensorSpec("ids", "int64", (None, 3)), given, (1, 3), {"wants": {"scale": 0.1}}, only=False)
    assert np.frombuffer(made.sample(1), np.int64).tolist() == [3, 4, 5]
