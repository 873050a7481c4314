"""The models that ship are valid, and are the files that their origin note describes."""

import hashlib
import re
from importlib import resources
from pathlib import Path

import onnx
import pytest

DATA = Path(str(resources.files("benchfleet.controller"))) / "demo" / "data"
ROWS = re.findall(r"^\| (\S+) \| ([\d,]+) \| (\S+) \| `(\w{64})` \|$", (DATA / "ORIGIN.md").read_text(), re.MULTILINE)


def test_the_origin_note_names_every_file():
    assert {row[0] for row in ROWS} == {path.name for path in DATA.iterdir()} - {"ORIGIN.md"}


@pytest.mark.parametrize(("name", "size", "top1", "digest"), ROWS)
def test_a_file_is_the_one_that_the_origin_note_describes(name, size, top1, digest):
    data = (DATA / name).read_bytes()
    assert (f"{len(data):,}", hashlib.sha256(data).hexdigest()) == (size, digest)
    assert top1 == "-" or float(top1) >= 0.99


@pytest.mark.parametrize("precision", ["fp32", "fp16", "int8"])
def test_an_onnx_file_passes_the_full_check(precision):
    onnx.checker.check_model(DATA / f"digits-{precision}.onnx", full_check=True)
