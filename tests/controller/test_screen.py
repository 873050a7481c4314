"""Tables at any width: nothing is cut, and no name is broken in two."""

from __future__ import annotations

import io
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.text import Text

from benchfleet.controller.screen import arranged, folded

COLUMNS = ("run", "cell", "why")
ROWS = [
    ("01J9Z3YV8Q5K2M", "digits:int8/onnx/onnxruntime/t1/b1/single_stream", "the hypervisor took 9 % of the CPU time"),
    ("01J9Z3YV8Q5K2N", "digits:fp32/tflite/litert/t4/b8/offline", ""),
]


def shown(width: int, rows=ROWS) -> str:
    stream = io.StringIO()
    screen = Console(file=stream, width=width)
    screen.print(arranged(COLUMNS, [[Text(cell) for cell in row] for row in rows], width))
    return stream.getvalue()


@pytest.mark.parametrize("width", [30, 40, 60, 80, 120, 100_000])
def test_every_word_is_there_whole(width):
    text = shown(width)
    assert all(len(line) <= width for line in text.splitlines())
    for word in ("01J9Z3YV8Q5K2M", "01J9Z3YV8Q5K2N", "onnxruntime/", "single_stream", "hypervisor", "offline"):
        assert word in text
    assert "…" not in text


def test_what_fits_is_one_line_a_row_and_what_does_not_is_a_block_a_row():
    assert len([line for line in shown(140).splitlines() if "01J9Z" in line]) == 2
    blocks = [line.strip() for line in shown(30).splitlines()]
    assert "run  01J9Z3YV8Q5K2M" in blocks
    assert "run  01J9Z3YV8Q5K2N" in blocks


@given(st.text(st.characters(exclude_categories=["C", "Z"]) | st.just(" "), max_size=80), st.integers(1, 60))
def test_folding_loses_nothing_but_spaces(text, width):
    said = folded(Text(text), width).plain
    assert "".join(said.split()) == "".join(text.split())


def test_a_pipe_has_no_width():
    script = (
        "from benchfleet.controller.cli._tables import print_table\n"
        f"print_table({COLUMNS!r}, [('r', 'x ' * 140, 'y ' * 140)], empty='')"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert any("x x x x" in line and "y y y y" in line for line in done.stdout.splitlines())
