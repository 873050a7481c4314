"""ExecuTorch programs and OpenVINO IRs: what they say of themselves, and what is broken is refused in one line."""

import struct
import zipfile
from pathlib import Path

import pytest

from benchfleet.controller.inspection import executorch_file, inspect_model
from benchfleet.controller.operator.ir_file import one_file
from benchfleet.core.errors import DocumentError
from benchfleet.core.formats import PACKED_IR, format_of

ROOT = Path(__file__).parents[3]
DIGITS, PARTLY = ROOT / "examples/digits/digits-fp32.pte", ROOT / "tests/fixtures/models/partly-delegated.pte"
FAULTS_OF_A_FILE = (DocumentError, struct.error, IndexError, ValueError, TypeError)
"""Each is one line from the child; out of memory, or of stack, would not be."""
XML = """<?xml version="1.0"?>
<net name="g" version="11"><layers>
<layer id="0" name="x" type="Parameter"><data shape="?,4" element_type="f32"/></layer>
<layer id="1" name="w" type="Const"><data element_type="f16" shape="4, 4" offset="0" size="32"/></layer>
<layer id="2" name="axis" type="Const"><data element_type="i64" shape="" offset="32" size="8"/></layer>
<layer id="3" name="m" type="MatMul"/>
<layer id="4" name="y" type="Result"><input>
<port id="0" precision="FP32"><dim>-1</dim><dim>4</dim></port></input></layer>
</layers></net>"""


@pytest.fixture
def ir(tmp_path):
    (tmp_path / "g.xml").write_text(XML)
    (tmp_path / "g.bin").write_bytes(bytes(40))
    return tmp_path / "g.xml"


@pytest.mark.parametrize("size", [40, 3000, 200_000])
def test_a_cut_program_is_refused(tmp_path, size):
    (tmp_path / "cut.pte").write_bytes(DIGITS.read_bytes()[:size])
    with pytest.raises(DocumentError, match=r"copy the program again|whole model file") as raised:
        inspect_model(tmp_path / "cut.pte")
    assert "\n" not in str(raised.value)


def test_a_program_whose_offsets_lead_nowhere_ends_soon_and_within_its_memory(tmp_path):
    data, unlike = PARTLY.read_bytes(), 0
    for at in range(64, len(data) - 4, 52):
        (tmp_path / "broken.pte").write_bytes(data[:at] + b"\xff\xff\xff\x7f" + data[at + 4 :])
        try:
            executorch_file.read(tmp_path / "broken.pte", {})
        except FAULTS_OF_A_FILE:
            unlike += 1
    assert unlike


def test_a_program_tells_inputs_outputs_and_what_no_delegate_took():
    facts = inspect_model(PARTLY)
    assert facts.format == "executorch"
    assert [(t.dtype, t.shape) for t in (*facts.inputs, *facts.outputs)] == [("float32", (1, 4))] * 2
    assert facts.operators == {"XnnpackBackend": 2, "aten::cumsum": 1}
    assert facts.parameters.value is None
    assert "delegate" in facts.parameters.reason


def test_an_ir_without_its_weights_or_with_too_few_is_refused(ir):
    ir.with_suffix(".bin").write_bytes(bytes(39))
    with pytest.raises(DocumentError, match=r"needs 40 bytes of weights, its \.bin has 39"):
        inspect_model(ir)
    ir.with_suffix(".bin").unlink()
    with pytest.raises(DocumentError, match=r"g\.bin is not beside it"):
        inspect_model(ir)
    with pytest.raises(DocumentError, match=r"g\.bin is not beside it"), one_file(ir):
        pass


def test_an_ir_counts_its_learned_constants(ir):
    facts = inspect_model(ir)
    assert (facts.parameters.value, facts.weight_bytes.value, facts.precision) == (16, 32, "fp16")
    assert facts.dynamic_axes == ("x[0]", "y[0]")
    assert facts.operators == {"Parameter": 1, "MatMul": 1, "Result": 1}
    assert facts.dynamic_batch


def test_a_packed_ir_is_one_file_with_the_same_facts_and_the_same_bytes_each_time(ir):
    with one_file(ir) as first, one_file(ir) as second:
        assert first.read_bytes() == second.read_bytes()
        assert format_of(first.read_bytes()[:256]) == "openvino_ir"
        assert zipfile.ZipFile(first).namelist() == list(PACKED_IR)
        assert inspect_model(first).parameters == inspect_model(ir).parameters
    assert not first.exists()


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"\x1c\0\0\0TFL3", "tflite"),
        (b"<\0\0\0ET12eh00", "executorch"),
        (b"<\0\0\0ETxx", None),
        (b'\xef\xbb\xbf<?xml version="1.0"?>\n<net name="a">', "openvino_ir"),
        (b"<networks>", None),
        (b"<html><net >", None),
        (b"\x08\x08", "onnx"),
        (b"PK\x03\x04" + bytes(26) + b"openvino_ir/model.xml", "openvino_ir"),
        (b"PK\x03\x04" + bytes(26) + b"archive/data.pkl", None),
        (b"\x80\x04\x95", None),
        (b"ftrt", None),
        (b"", None),
    ],
)
def test_a_format_is_known_by_first_bytes_alone(head, kind):
    assert format_of(head) == kind
