"""Results as bytes: what goes in comes out, and what cannot be is refused in one line."""

import json

from benchfleet.core import results
from benchfleet.core.results import Failure, Result
from benchfleet.core.text import REPLACEMENT

FAILED = Result(
    outcome="failed",
    verdict="invalid",
    provenance={"host\udcff": ["a\ud800"]},
    failure=Failure(reason="exception", phase="load", detail="no such file: m\udced.onnx"),
)


def test_half_a_surrogate_pair_is_neither_written_nor_read():
    assert b"\\ud" not in results.dumps(FAILED)
    hostile = json.dumps(results.to_json(FAILED)).encode()  # as a stranger would send it
    for payload in (results.dumps(FAILED), hostile):
        read = results.loads(payload)
        assert read.failure.detail == f"no such file: m{REPLACEMENT}.onnx"
        assert read.provenance == {f"host{REPLACEMENT}": [f"a{REPLACEMENT}"]}
