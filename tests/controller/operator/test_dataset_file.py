"""A data set file is read without trusting it."""

from __future__ import annotations

import io
import json
import zipfile

import numpy as np
import pytest

from benchfleet.controller.operator.dataset_file import read_dataset
from benchfleet.core.errors import DocumentError

ABOUT = json.dumps({"schema": 1, "name": "d", "task": "classification"}).encode()


def npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=True)
    return stream.getvalue()


def archive(path, **members: bytes):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, payload in members.items():
            file.writestr(name.replace("__", "."), payload)
    return path


X = npy(np.zeros((4, 1, 2, 2), np.float32))


@pytest.mark.parametrize(
    ("members", "word"),
    [
        ({"x__npy": X}, "dataset.json"),
        ({"dataset__json": ABOUT}, "no input"),
        ({"x__npy": X, "labels__npy": npy(np.zeros(3, np.int64)), "dataset__json": ABOUT}, "lengths"),
        ({"x__npy": npy(np.array([{}, {}], dtype=object)), "dataset__json": ABOUT}, "objects"),
        ({"x__npy": npy(np.zeros((0, 2))), "dataset__json": ABOUT}, "lengths"),
        ({"x__npy": b"\x93NUMPY\x01\x00\xff\xff((((", "dataset__json": ABOUT}, "header"),
        ({"x__npy": X, "dataset__json": b"["}, "dataset"),
        ({"x__npy": X, "dataset__json": b"{}"}, "schema"),
        ({"x__npy": X, "evil__py": b"", "dataset__json": ABOUT}, "evil.py"),
    ],
)
def test_what_is_no_data_set_is_one_line(tmp_path, members, word):
    with pytest.raises(DocumentError) as caught:
        read_dataset(archive(tmp_path / "d.npz", **members))
    assert word in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("payload", [b"", b"not a zip", b"PK\x03\x04" + b"\0" * 50])
def test_other_files_are_refused(tmp_path, payload):
    (tmp_path / "d.npz").write_bytes(payload)
    with pytest.raises(DocumentError, match=r"is an|is empty"):
        read_dataset(tmp_path / "d.npz")


def test_a_missing_file_says_so(tmp_path):
    with pytest.raises(DocumentError, match="No such file"):
        read_dataset(tmp_path / "none.npz")


def test_rows_and_task_are_read(tmp_path):
    found = read_dataset(
        archive(tmp_path / "d.npz", x__npy=X, labels__npy=npy(np.zeros(4, np.int64)), dataset__json=ABOUT)
    )
    assert (found.task, found.sample_count) == ("classification", 4)
