"""ExecuTorch really runs: the digits program agrees with its ONNX twin, delegates are told, what is none is refused."""

import numpy as np
import pytest

from tests.engines.conftest import DATA, ROOT

pytestmark = pytest.mark.engines

DIGITS = ROOT / "examples/digits/digits-fp32.pte"
PARTLY = ROOT / "tests/fixtures/models/partly-delegated.pte"


def test_what_is_no_program_is_refused_before_the_library_sees_it(outputs, tmp_path):
    (tmp_path / "model.pte").write_bytes(b"\x80\x04pickle that is no program")
    assert "not an ExecuTorch program" in outputs("executorch", tmp_path / "model.pte")["message"]


def test_a_cut_program_is_a_fault_of_the_model(outputs, tmp_path):
    (tmp_path / "model.pte").write_bytes(DIGITS.read_bytes()[:4000])
    assert outputs("executorch", tmp_path / "model.pte")["reason"] == "unsupported_model"


def test_another_batch_than_the_program_s_is_refused(outputs):
    assert "fixed batch of 1" in outputs("executorch", DIGITS, batch=4)["message"]


def test_outputs_are_those_of_the_onnx_file_with_the_same_weights(outputs, reference):
    found = outputs("executorch", DIGITS)
    assert np.abs(np.array(found["outputs"]) - reference).max() < 1e-4
    assert found["facts"]["placement"]["nodes"] == {"XnnpackBackend": 1.0}
    assert found["facts"]["threads"] == 1


def test_instructions_that_no_delegate_took_are_counted(bench):
    code, result, stderr = bench(PARTLY)
    assert code in (0, 3), stderr
    assert result["metrics"]["placement_share"]["value"] == pytest.approx(2 / 3)
    assert "partial_placement" in {reason["flag"] for reason in result["reasons"]}


def test_a_required_placement_that_is_not_met_fails_the_run(bench):
    code, result, _ = bench(PARTLY, "--option", "require_placement=true")
    assert code == 5
    assert "portable 33.3 %" in result["failure"]["detail"]


def test_what_calling_the_library_costs_is_told(bench):
    _, result, stderr = bench(DIGITS)
    assert result["metrics"]["harness_overhead_us"]["value"] > 0, stderr


def test_the_format_finds_the_runtime_and_the_labels_say_that_it_works(bench):
    code, result, stderr = bench(DIGITS, "--data", DATA / "digits-test.npz")
    assert code in (0, 3), stderr
    assert result["cell"]["runtime"] == "executorch"
    assert result["metrics"]["accuracy_top1"]["value"] == pytest.approx(0.994)
