"""Every fault of a data set file is a line of its own, told before anything is trusted."""

from __future__ import annotations

import io
import json
import struct
import zipfile

import numpy as np
import pytest

from benchfleet.core.datasets import archive, document, validation
from benchfleet.core.datasets.validation import DatasetError

ABOUT = {"schema": 1, "name": "d", "task": "classification", "classes": ["a", "b", "c"]}


def npy(array):
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=True)
    return stream.getvalue()


X = npy(np.zeros((4, 1, 2, 2), np.float32))
LABELS = npy(np.array([0, 1, 2, 0]))


def made(path, about=ABOUT, **members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, payload in {"x__npy": X, "labels__npy": LABELS, **members}.items():
            if payload is not None:
                file.writestr(name.replace("__", "."), payload)
        file.writestr("dataset.json", json.dumps(about))
    return path


def faults(path):
    found, lines = validation.read(path)
    assert found is None
    assert all("\n" not in line for line in lines)
    return lines


def test_a_sound_data_set_has_its_facts_and_none_of_the_new_keys_is_needed(tmp_path):
    for about in (ABOUT, {"schema": 1, "task": "classification", "layout": "NCHW"}):
        facts, lines = validation.read(made(tmp_path / "d.npz", about))
        assert lines == []
        assert (facts.task, facts.sample_count, facts.truth.labels) == ("classification", 4, [0, 1, 2, 0])


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"labels__npy": npy(np.array([0, 1, 7, -2]))}, ["labels[2] is 7", "labels[3] is -2"]),
        ({"labels__npy": npy(np.array([0, 1]))}, ["labels 2, x 4"]),
        ({"labels__npy": npy(np.zeros((4, 2), np.int64))}, ["one whole number a sample"]),
        ({"labels__npy": npy(np.zeros(4))}, ["labels are float64"]),
        ({"x__npy": npy(np.array([1, np.nan, np.inf, 0], np.float32))}, ["x holds 2 NaN"]),
        ({"x__npy": npy(np.array([{}] * 4, object))}, ["Python objects"]),
        ({"x__npy": npy(np.zeros((4, 2), ">f4"))}, ["little-endian"]),
        ({"x__npy": npy(np.asfortranarray(np.zeros((4, 2))))}, ["Fortran order; numpy.ascontiguousarray mends that"]),
        ({"x__npy": X[:-3]}, ["its header needs"]),
        ({"x__npy": X[:60] + b"9" + X[61:]}, ["x.npy"]),
        ({"x__npy": None}, ["no input array"]),
        ({"__init__.py": b""}, ["no array"]),
        ({"references__json": b"[]"}, ["not read by the task"]),
        ({"other__npy": npy(np.zeros(5))}, ["other 5"]),
    ],
)
def test_members_that_are_wrong_are_named(tmp_path, more, says):
    lines = faults(made(tmp_path / "d.npz", **more))
    assert len(lines) == len(says), lines
    for line, word in zip(lines, says, strict=True):
        assert word in line


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"clases": []}, "did you mean classes?"),
        ({"task": "detektion"}, "did you mean detection?"),
        ({"schema": 2}, '"schema": 1'),
        ({"classes": [1]}, "list of names"),
        ({"layout": "CHWN"}, "NCHW, NHWC"),
        ({"stored": {"layuot": "NCHW"}}, "did you mean layout?"),
        ({"stored": {"range": [1, 0]}}, "starts at 1"),
        ({"stored": {"range": [1, 2]}}, "x runs from 0 to 0"),
        ({"stored": {"dtype": "uint8"}}, "the array x is float32"),
        ({"stored": []}, "is no object"),
        ({"layout": "NCHW", "stored": {"layout": "NHWC"}}, "name one"),
        ({"wants": {"scale": "1/255"}}, "is a finite number"),
        ({"wants": {"std": [0.1, 0]}}, "one a channel"),
        ({"wants": {"std": 0}}, "is a finite number"),
        ({"wants": {"resize": [224]}}, "height and width"),
        ({"wants": {"resize": [224, 224]}}, "needs stored.layout"),
        ({"layout": "NCHW", "wants": {"channels": "BGR"}}, "needs stored.channels"),
        ({"layout": "NCHW", "stored": {"channels": "gray"}, "wants": {"channels": "BGR"}}, "not made"),
        ({"postprocess": {"class_ofset": 1}}, "did you mean class_offset?"),
        ({"postprocess": {"class_offset": -1}}, "whole number"),
        ({"scoring": {"tokenize": "13a"}}, "unknown key 'tokenize'"),
        ({"tolerance": {"max_abs_diff": -1}}, "at least 0"),
        ({"reference_outputs": {"y": "expected"}}, "'expected', which is not there"),
        ({"reference_outputs": ["y"]}, "names, for each output"),
        ({"name": 3}, "is a text"),
    ],
)
def test_declarations_that_are_wrong_are_named(tmp_path, more, says):
    lines = faults(made(tmp_path / "d.npz", {**ABOUT, **more}))
    assert len(lines) == 1, lines
    assert says in lines[0]


def test_all_faults_are_told_at_once_and_a_bounded_number_of_them(tmp_path):
    wrong = {**ABOUT, "wants": {"scale": "x", "crop": 3}, "tolerence": 1}
    assert len(faults(made(tmp_path / "d.npz", wrong))) == 3
    many = {**ABOUT, **{f"key{i}": 1 for i in range(99)}}
    assert len(faults(made(tmp_path / "d.npz", many))) == validation.FAULTS_MAX + 1
    with pytest.raises(DatasetError) as caught:
        validation.checked(made(tmp_path / "d.npz", wrong))
    assert len(caught.value.lines) == 3


@pytest.mark.parametrize("name", ["../x.npy", "/etc/x.npy", "a/b.npy", "a\\b.npy", ".x.npy", "x..npy"])
def test_a_member_with_a_path_is_refused(tmp_path, name):
    with zipfile.ZipFile(tmp_path / "d.npz", "w") as file:
        file.writestr("dataset.json", json.dumps(ABOUT))
        file.writestr("y.npy", X)
        member = zipfile.ZipInfo("x.npy")
        member.filename = name
        file.writestr(member, X)
    assert "no array" in faults(tmp_path / "d.npz")[0]


def test_a_member_that_is_there_twice_is_refused(tmp_path):
    made(tmp_path / "d.npz")
    with zipfile.ZipFile(tmp_path / "d.npz", "a") as file, pytest.warns(UserWarning, match="Duplicate"):
        file.writestr("x.npy", X)
    assert "twice" in faults(tmp_path / "d.npz")[0]
    with zipfile.ZipFile(tmp_path / "e.npz", "w") as file:
        file.writestr("x.npy", X)
        file.writestr("dataset.json", '{"schema": 1, "task": "classification", "task": "text"}')
    assert "'task' is there twice" in faults(tmp_path / "e.npz")[0]


def test_a_zip_that_claims_to_unpack_to_more_than_is_read_is_refused_unread(tmp_path):
    path = made(tmp_path / "d.npz")
    raw = bytearray(path.read_bytes())
    at = raw.find(b"PK\x01\x02")
    struct.pack_into("<I", raw, at + 24, archive.ARRAY_BYTES_MAX + 100_000)
    path.write_bytes(raw)
    lines = faults(path)
    assert "more than is read" in lines[0]
    struct.pack_into("<I", raw, at + 24, 1_000_000_000)
    path.write_bytes(raw)
    assert "times its size" in faults(path)[0]


def test_damage_anywhere_is_a_line_and_never_a_traceback(tmp_path):
    whole = made(tmp_path / "d.npz").read_bytes()
    for cut in range(0, len(whole), 17):
        (tmp_path / "c.npz").write_bytes(whole[:cut])
        assert faults(tmp_path / "c.npz")
    for at in range(0, len(whole), 7):
        damaged = bytearray(whole)
        damaged[at] ^= 0xFF
        (tmp_path / "c.npz").write_bytes(damaged)
        validation.read(tmp_path / "c.npz")


def test_a_folder_is_packed_to_the_same_bytes_each_time(tmp_path):
    folder = tmp_path / "set"
    folder.mkdir()
    (folder / "x.npy").write_bytes(X)
    (folder / "labels.npy").write_bytes(LABELS)
    (folder / "dataset.json").write_text(json.dumps(ABOUT))
    archive.pack(folder, tmp_path / "a.npz")
    archive.pack(folder, tmp_path / "b.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    assert validation.checked(tmp_path / "a.npz").sample_count == 4
    (folder / "link.npy").symlink_to("/etc/passwd")
    with pytest.raises(ValueError, match=r"link\.npy"):
        archive.pack(folder, tmp_path / "c.npz")


def test_nan_is_found_without_numpy_too(monkeypatch):
    pieces = {
        "float32": np.array([0, np.nan, np.inf, -np.inf], np.float32),
        "float64": np.array([1e308, 1e308, np.nan]),
        "float16": np.array([1, np.inf], np.float16),
    }
    by_numpy = {k: archive.odd_numbers(v.tobytes(), k) for k, v in pieces.items()}
    monkeypatch.setattr(archive, "_numpy", lambda: None)
    assert {k: archive.odd_numbers(v.tobytes(), k) for k, v in pieces.items()} == by_numpy
    assert by_numpy == {"float32": 3, "float64": 1, "float16": 1}
    assert archive.extremes(np.array([2, -1], np.float16).tobytes(), "float16") == (-1, 2)


def test_the_example_in_the_docstring_is_sound():
    text = document.__doc__
    example = text[text.index("{") : text.rindex("}") + 1].replace("{...}", "{}")
    assert list(document.faults(json.loads(example))) == []
