"""What is refused before a byte of a model is sent."""

import grpc
import pytest

from benchfleet.controller.client.connection import Session
from benchfleet.controller.operator.push import push_model
from benchfleet.core.errors import DocumentError
from tests.fixtures import bad_models


def test_a_model_whose_weights_lie_beside_it_is_refused_before_anything_is_sent(tmp_path):
    model = bad_models.external_data_escaping(tmp_path / "m.onnx", "m.onnx.data")
    (tmp_path / "m.onnx.data").write_bytes(bytes(64))
    with grpc.insecure_channel("127.0.0.1:1") as channel:  # nothing listens: a call would be another error
        session = Session(channel=channel, controller="nobody")
        with pytest.raises(DocumentError, match=r"m\.onnx\.data.*store the weights inside the model"):
            push_model(session, model, "m:fp32", None)
