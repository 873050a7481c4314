"""Arrays without numpy, checked against numpy; data sets that lie are refused."""

from __future__ import annotations

import io
import json
import zipfile

import numpy as np
import pytest

from benchfleet.agent.runner.contract import RuntimeFault, Tensor
from benchfleet.agent.runner.tensors import FORMATS, DataSet, pack, permute, transpose_order, values


def npz(path, about=None, **arrays):
    np.savez_compressed(path, **arrays)
    if about is not None:
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr("dataset.json", json.dumps(about))
    return str(path)


@pytest.mark.parametrize("dtype", FORMATS)
def test_every_type_goes_there_and_back_as_numpy_has_it(dtype):
    array = np.array([0, 1, 3, 7], dtype=dtype)
    tensor = Tensor("x", dtype, array.shape, array.tobytes())
    assert list(values(tensor)) == list(array)
    assert pack(dtype, values(tensor)) == array.tobytes()


def test_quantised_values_are_read_with_scale_and_zero_point():
    tensor = Tensor("y", "int8", (3,), np.array([-128, 0, 127], np.int8).tobytes(), 0.5, -128)
    assert list(values(tensor)) == [0.0, 64.0, 127.5]


def test_integers_saturate_instead_of_wrapping():
    assert pack("int8", [-1000.0, 126.6, 1000.0]) == np.array([-128, 127, 127], np.int8).tobytes()
    assert pack("uint8", [-1.0, 256.0]) == bytes([0, 255])


@pytest.mark.parametrize(("layout", "wanted"), [("NCHW", (3, 4, 2)), ("NHWC", (4, 2, 3))])
def test_axes_are_permuted_as_numpy_does(layout, wanted):
    array = np.arange(24).reshape((2, 3, 4))
    order = transpose_order(layout, (2, 3, 4), wanted)
    assert permute(list(array.flatten()), (2, 3, 4), order) == list(array.transpose(order).flatten())


@pytest.mark.parametrize("layout", [None, "NCHW"])
def test_a_shape_that_does_not_fit_is_refused_and_never_guessed(layout):
    with pytest.raises(RuntimeFault, match="do not fit"):
        transpose_order(layout, (2, 3, 4), (4, 3, 2))


def test_a_data_set_is_read_with_its_labels_and_layout(tmp_path):
    x = np.random.default_rng(1).random((5, 1, 2, 2)).astype(np.float32)
    held = DataSet(npz(tmp_path / "d.npz", {"layout": "NCHW"}, x=x, labels=np.arange(5)))
    assert (held.samples, held.layout, held.labels) == (5, "NCHW", [0, 1, 2, 3, 4])
    assert held.array_for("anything", only=True).data == x.tobytes()
    with pytest.raises(RuntimeFault, match="no array 'other'"):
        held.array_for("other", only=False)


@pytest.mark.parametrize(
    ("arrays", "says"),
    [
        ({}, "first axis"),
        ({"x": np.zeros((0, 2))}, "first axis"),
        ({"a": np.zeros(3), "b": np.zeros(4)}, "first axis"),
        ({"x": np.zeros((3, 1)), "labels": np.zeros(2, np.int64)}, "labels"),
        ({"x": np.array(["a", "b"])}, "little-endian numbers"),
        ({"x": np.array([{}, []], dtype=object)}, "little-endian numbers"),
        ({"x": np.zeros((2, 2), dtype=">f4")}, "little-endian numbers"),
        ({"x": np.asfortranarray(np.zeros((2, 3)))}, "C order"),
    ],
)
def test_a_data_set_that_cannot_be_used_says_why(tmp_path, arrays, says):
    with pytest.raises(RuntimeFault, match=says) as caught:
        DataSet(npz(tmp_path / "d.npz", **arrays))
    assert caught.value.reason == "dataset_mismatch"


def damaged(kind):
    raw = io.BytesIO()
    np.save(raw, np.zeros((2, 2), np.float32))
    body = raw.getvalue()
    return {
        "cut": body[:-4],
        "no magic": b"X" * 64,
        "short header": body[:7],
        "header is code": body[:10] + b"__import__('os').getpid()".ljust(len(body) - 10),
    }[kind]


@pytest.mark.parametrize("kind", ["cut", "no magic", "short header", "header is code"])
def test_a_damaged_array_is_refused_in_one_line(tmp_path, kind):
    with zipfile.ZipFile(tmp_path / "d.npz", "w") as archive:
        archive.writestr("x.npy", damaged(kind))
    with pytest.raises(RuntimeFault, match="not a readable npz"):
        DataSet(str(tmp_path / "d.npz"))


@pytest.mark.parametrize("body", [b"", b"no zip at all", b"PK\x03\x04" + bytes(100)])
def test_a_file_that_is_no_zip_is_refused(tmp_path, body):
    (tmp_path / "d.npz").write_bytes(body)
    with pytest.raises(RuntimeFault, match="not a readable npz"):
        DataSet(str(tmp_path / "d.npz"))
