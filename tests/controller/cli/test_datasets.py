"""`datasets push` looks a data set through before it asks for any controller, and tells every fault on a line."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np


def push(path):
    code = "from benchfleet.controller.cli.main import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "datasets", "push", str(path), "--name", "d"], capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    return done


def test_every_fault_of_a_folder_is_a_line_that_names_the_folder(tmp_path):
    folder = tmp_path / "set"
    folder.mkdir()
    np.save(folder / "x.npy", np.array([[1.0], [np.nan]], np.float32))
    np.save(folder / "labels.npy", np.array([0, 9]))
    about = {"schema": 1, "task": "classification", "classes": ["a", "b"]}
    (folder / "dataset.json").write_text(json.dumps(about))
    done = push(folder)
    lines = done.stderr.splitlines()
    assert done.returncode == 2
    assert lines[0] == f"data set {folder}: labels[1] is 9, beyond the 2 classes"
    assert lines[1] == f"data set {folder}: array x holds 1 NaN or infinite values"
    assert lines[2].startswith(f"benchfleet: data set {folder}: 2 faults;")
    assert len(lines) == 3


def test_one_fault_is_one_line_and_a_sound_data_set_then_wants_a_controller(tmp_path):
    folder = tmp_path / "set"
    folder.mkdir()
    (folder / "readme.txt").write_text("x")
    done = push(folder)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert "'readme.txt' is no array" in done.stderr
    (folder / "readme.txt").unlink()
    np.save(folder / "x.npy", np.zeros((2, 1), np.float32))
    (folder / "dataset.json").write_text(json.dumps({"schema": 1, "task": "classification"}))
    assert "data set" not in push(folder).stderr
