"""OpenVINO really runs: what it refuses, what it computes, in which precision, and its own clock beside ours."""

import shutil
import subprocess

import numpy as np
import pytest

from benchfleet.agent import probe
from benchfleet.controller.operator.ir_file import one_file
from tests.engines.conftest import DATA

pytestmark = pytest.mark.engines


@pytest.fixture(scope="module")
def ir(tmp_path_factory):
    """The digits model as an IR: digits.xml and digits.bin."""
    folder = tmp_path_factory.mktemp("ir")
    python, _ = probe.started_by("openvino")
    code = "import openvino, sys; openvino.save_model(openvino.Core().read_model(sys.argv[1]), sys.argv[2])"
    subprocess.run([python, "-c", code, str(DATA / "digits-fp32.onnx"), str(folder / "digits.xml")], check=True)
    return folder / "digits.xml"


@pytest.mark.parametrize("device", ["NPU", "GPU.7", "HETERO:GPU,CPU", "AUTO"])
def test_a_device_that_is_not_there_is_refused_and_nothing_stands_in_for_it(bench, device):
    code, result, _ = bench(DATA / "digits-fp32.onnx", "--runtime", "openvino", "--option", f'device="{device}"')
    assert code == 5
    assert result["failure"]["reason"] == "placement"
    assert "this device has: CPU" in result["failure"]["detail"]


def test_an_unknown_precision_and_a_fixed_batch_are_refused(outputs, tmp_path):
    assert "one of f32" in outputs("openvino", DATA / "digits-fp32.onnx", precision="f8")["message"]
    assert outputs("openvino", DATA / "digits-fp32.onnx", batch=4)["outputs"] == []


@pytest.mark.parametrize("content", [b"", b"\x80\x04pickle", b"PK\x03\x04torchscript", b"<html></html>"])
def test_only_the_three_formats_reach_the_library_that_would_unpickle(outputs, tmp_path, content):
    (tmp_path / "model.onnx").write_bytes(content)
    assert "none of them" in outputs("openvino", tmp_path / "model.onnx")["message"]


def test_a_broken_model_is_one_line(outputs, tmp_path):
    (tmp_path / "cut.onnx").write_bytes((DATA / "digits-fp32.onnx").read_bytes()[:1000])
    found = outputs("openvino", tmp_path / "cut.onnx")
    assert found["reason"] == "unsupported_model"
    assert "\n" not in found["message"]


def test_an_ir_without_its_weights_is_refused(outputs, ir, tmp_path):
    shutil.copy(ir, tmp_path / "alone.xml")
    assert "alone.bin is not there" in outputs("openvino", tmp_path / "alone.xml")["message"]


def test_a_quantised_tflite_input_whose_scale_the_library_hides_is_refused(outputs):
    assert "measure it with litert" in outputs("openvino", DATA / "digits-int8.tflite")["message"]


@pytest.mark.parametrize("name", ["digits-fp32.onnx", "digits-fp32.tflite", "ir"])
def test_outputs_in_f32_are_those_of_onnx_runtime(outputs, reference, ir, tmp_path, name):
    path = ir if name == "ir" else tmp_path / "by-digest-without-suffix"
    if name != "ir":
        shutil.copy(DATA / name, path)
    found = outputs("openvino", path, precision="f32")
    # An IR is written with fp16 weights unless told otherwise.
    assert np.abs(np.array(found["outputs"]) - reference).max() < (0.1 if name == "ir" else 1e-3)
    assert found["facts"]["execution_precision"] == "f32"
    assert found["facts"]["placement"]["nodes"] == {"CPU": 1.0}


def test_an_ir_as_a_fleet_carries_it_gives_the_same_outputs(outputs, ir):
    with one_file(ir) as packed:
        found = outputs("openvino", packed, precision="f32", count=3)
    assert found["outputs"] == outputs("openvino", ir, precision="f32", count=3)["outputs"]


def test_a_measurement_has_its_own_clock_its_precision_its_placement_and_its_operators(bench):
    code, result, stderr = bench(
        DATA / "digits-fp32.onnx", "--runtime", "openvino", "--data", DATA / "digits-test.npz", "--profile-operators"
    )
    assert code in (0, 3), stderr
    metrics, facts = result["metrics"], result["provenance"]["runtime"]
    assert metrics["accuracy_top1"]["value"] > 0.98
    assert 0 < metrics["engine_share_of_wall"]["value"] <= 1
    assert metrics["placement_share"]["value"] == metrics["placement_time_share"]["value"] == 1
    assert (facts["device"], facts["threads"], facts["streams"]) == ("CPU", 1, 1)
    lowered = facts["execution_precision"] != "f32"
    assert lowered == ("reduced_precision" in {reason["flag"] for reason in result["reasons"]})
    assert any("Convolution" in row["kind"] for row in result["provenance"]["operators"]["top"])


def test_what_calling_the_library_costs_is_told_with_the_options_of_the_cell(bench):
    _, result, stderr = bench(DATA / "digits-fp32.onnx", "--runtime", "openvino", "--option", "precision=f32")
    assert result["metrics"]["harness_overhead_us"]["value"] > 0, stderr


def test_a_precision_that_was_asked_for_is_not_flagged(bench):
    _, result, _ = bench(DATA / "digits-fp32.onnx", "--runtime", "openvino", "--option", 'precision="bf16"')
    assert "reduced_precision" not in {reason["flag"] for reason in result["reasons"]}
