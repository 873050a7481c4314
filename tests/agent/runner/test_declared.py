"""What a file says of its own input, read without the vendor's code; what is no metadata says nothing."""

from __future__ import annotations

import flatbuffers
import pytest
from ai_edge_litert import schema_py_generated as fb

from benchfleet.agent.runner import declared
from benchfleet.agent.runner.contract import Options
from benchfleet.agent.runtimes import litert
from tests.support import tflite_models as tfl

PIXELS = ([127.5], [127.5])


def _vector(builder, items):
    builder.StartVector(4, len(items), 4)
    for item in reversed(items):
        builder.PrependUOffsetTRelative(item)
    return builder.EndVector()


def _floats(builder, numbers):
    builder.StartVector(4, len(numbers), 4)
    for number in reversed(numbers):
        builder.PrependFloat32(number)
    return builder.EndVector()


def _table(builder, fields):
    """A table of fields by number; a byte where the value is a bytes of one."""
    builder.StartObject(max(fields) + 1)
    for number, value in fields.items():
        if isinstance(value, bytes):
            builder.PrependUint8Slot(number, value[0], 0)
        else:
            builder.PrependUOffsetTRelativeSlot(number, value, 0)
    return builder.EndObject()


def metadata(*inputs) -> bytes:
    """ModelMetadata with a NormalizationOptions for each input that is not None."""
    builder, tensors = flatbuffers.Builder(256), []
    for given in inputs:
        units = {}
        if given is not None:
            mean, std = (_floats(builder, numbers) for numbers in given)
            options = _table(builder, {0: mean, 1: std})
            units = {4: _vector(builder, [_table(builder, {0: b"\x01", 1: options})])}
        tensors.append(_table(builder, units or {0: builder.CreateString("x")}))
    graph = _table(builder, {2: _vector(builder, tensors)})
    builder.Finish(_table(builder, {3: _vector(builder, [graph])}), b"M001")
    return bytes(builder.Output())


def model(path, held: bytes | None):
    """A Relu with that metadata."""
    made = tfl.Builder()
    x, y = made.tensor([1, 4, 4, 3]), made.tensor([1, 4, 4, 3])
    made.operator("RELU", [x], [y])
    made.write(path, [x], [y])
    if held is None:
        return str(path)
    root = fb.ModelT.InitFromObj(fb.Model.GetRootAsModel(path.read_bytes(), 0))
    entry, buffer = fb.MetadataT(), fb.BufferT()
    entry.name, entry.buffer, buffer.data = declared.NAME, len(root.buffers), list(held)
    root.metadata = [entry]
    root.buffers.append(buffer)
    builder = flatbuffers.Builder(1024)
    builder.Finish(root.Pack(builder), b"TFL3")
    path.write_bytes(bytes(builder.Output()))
    return str(path)


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ((PIXELS,), [(-1.0, 1.0)]),
        ((([0.0], [255.0]),), [(0.0, 1.0)]),
        ((([0.0, 255.0], [1.0, 255.0]),), [(-1.0, 255.0)]),
        ((None,), [None]),
        ((([0.0], [0.0]),), [None]),
        ((([0.0], [1.0, 2.0]),), [None]),
        ((([float("nan")], [1.0]),), [None]),
        ((PIXELS, None), [(-1.0, 1.0), None]),
    ],
)
def test_normalisation_is_the_range_of_a_pixel(tmp_path, given, wanted):
    assert declared.by_tflite(model(tmp_path / "m.tflite", metadata(*given))) == wanted


@pytest.mark.parametrize("held", [None, b"", b"\x00" * 3, b"\xff" * 64, metadata(PIXELS)[:40]])
def test_metadata_that_is_none_says_nothing(tmp_path, held):
    assert declared.by_tflite(model(tmp_path / "m.tflite", held)) == []


@pytest.mark.parametrize("data", [b"", b"TFL3", b"\x1c\x00\x00\x00TFL3" + b"\xff" * 60])
def test_a_file_that_is_none_says_nothing(tmp_path, data):
    (tmp_path / "m.tflite").write_bytes(data)
    assert declared.by_tflite(str(tmp_path / "m.tflite")) == []


def test_the_input_of_a_session_knows_what_its_file_expects(tmp_path):
    session = litert.load(model(tmp_path / "m.tflite", metadata(PIXELS)), Options(1, 1, {}))
    assert session.inputs[0].expects == (-1.0, 1.0)
    bare = litert.load(model(tmp_path / "b.tflite", metadata(PIXELS, PIXELS)), Options(1, 1, {}))
    assert bare.inputs[0].expects is None, "metadata of two inputs is not that of one"
