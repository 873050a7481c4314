"""What is said of a model file is right, and what is no model is refused in one line."""

import importlib.util
import json
from importlib import resources
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchfleet.controller.cli.inspect import command
from benchfleet.controller.inspection import ModelFacts, inspect_model
from benchfleet.core.errors import DocumentError

_spec = importlib.util.spec_from_file_location("bad_models", Path(__file__).parents[2] / "fixtures" / "bad_models.py")
bad_models = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(bad_models)

DATA = Path(str(resources.files("benchfleet.controller"))) / "demo" / "data"


@pytest.mark.parametrize("precision", ["fp32", "fp16", "int8"])
@pytest.mark.parametrize("suffix", ["onnx", "tflite"])
def test_all_variants_of_one_network_have_the_same_parameters_and_macs(precision, suffix):
    facts = inspect_model(DATA / f"digits-{precision}.{suffix}")
    assert (facts.format, facts.precision) == (suffix, precision)
    assert facts.parameters.value == 62_842
    assert facts.macs.value == 1_762_496
    assert facts.flops.value == 2 * 1_762_496
    assert facts.dynamic_batch == (suffix == "onnx")


def test_facts_survive_json():
    facts = inspect_model(DATA / "digits-int8.tflite")
    assert ModelFacts.from_json(json.loads(json.dumps(facts.to_json()))) == facts
    assert facts.inputs[0].dtype == "int8"
    assert facts.inputs[0].scale == pytest.approx(1 / 256, rel=0.01)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (bad_models.empty, "empty"),
        (bad_models.random_bytes, "ONNX"),
        (bad_models.truncated, "ONNX"),
        (bad_models.pickled, "pickle"),
        (bad_models.external_data_escaping, "outside the model's folder"),
    ],
)
def test_what_is_no_model_is_refused_in_one_line(make, says, tmp_path):
    with pytest.raises(DocumentError, match=says) as caught:
        inspect_model(make(tmp_path / "model.onnx"))
    assert "\n" not in str(caught.value)


def test_absolute_external_data_is_refused(tmp_path):
    with pytest.raises(DocumentError, match="outside"):
        inspect_model(bad_models.external_data_escaping(tmp_path / "m.onnx", "/etc/passwd"))


def test_an_open_shape_makes_macs_unknown_not_zero(tmp_path):
    facts = inspect_model(bad_models.dynamic_shape(tmp_path / "m.onnx"))
    assert facts.parameters.value == 0
    assert facts.dynamic_batch


def test_control_flow_makes_macs_unknown(tmp_path):
    facts = inspect_model(bad_models.infinite_loop(tmp_path / "m.onnx"))
    assert facts.macs.value is None
    assert "Loop" in facts.macs.reason


def test_a_folder_and_a_missing_file_are_refused(tmp_path):
    for path in (tmp_path, tmp_path / "missing.onnx"):
        with pytest.raises(DocumentError):
            inspect_model(path)


def test_truncated_tflite_is_refused(tmp_path):
    whole = (DATA / "digits-fp32.tflite").read_bytes()
    path = tmp_path / "m.tflite"
    path.write_bytes(whole[:3000])
    with pytest.raises(DocumentError):
        inspect_model(path)


def test_command_prints_json_and_a_table():
    path = str(DATA / "digits-fp32.onnx")
    printed = CliRunner().invoke(command, [path, "--json"])
    assert json.loads(printed.stdout)["macs"]["value"] == 1_762_496
    assert "1,762,496" in CliRunner().invoke(command, [path]).stdout
