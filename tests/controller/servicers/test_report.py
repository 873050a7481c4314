"""What an agent reports is checked before anything is looked up or kept."""

import hashlib
import json

import pytest

from benchfleet.controller.servicers import agent
from benchfleet.core import results
from benchfleet.core.errors import DocumentError
from benchfleet.v1 import agent_pb2
from tests.support.campaigns import result


def test_a_reported_number_that_cannot_be_is_refused_by_name():
    data = results.to_json(result())
    data["metrics"]["accuracy_top1"] = {"value": 1.5}
    payload = json.dumps(data).encode()
    request = agent_pb2.ReportResultRequest(result_json=payload, result_digest=hashlib.sha256(payload).hexdigest())
    with pytest.raises(DocumentError, match="accuracy_top1 is") as raised:
        agent._checked(request)
    assert raised.value.reason == "IMPLAUSIBLE"
