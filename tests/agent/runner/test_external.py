"""Weights that are not in the model file: refused with what is so."""

import pytest

from benchfleet.agent.runner.contract import RuntimeFault
from benchfleet.agent.runner.external import vet
from tests.fixtures import bad_models


@pytest.mark.parametrize("location", ["../w", "/etc/passwd"])
def test_weights_outside_the_folder_are_said_to_be_outside(tmp_path, location):
    with pytest.raises(RuntimeFault, match="outside the model's folder"):
        vet(str(bad_models.external_data_escaping(tmp_path / "m.onnx", location)))


def test_weights_that_did_not_come_along_are_said_to_be_missing(tmp_path):
    model = bad_models.external_data_escaping(tmp_path / "m.onnx", "m.onnx.data")
    with pytest.raises(RuntimeFault, match=r"'m\.onnx\.data', which did not come with the model"):
        vet(str(model))
    (tmp_path / "m.onnx.data").write_bytes(bytes(64))
    vet(str(model))
