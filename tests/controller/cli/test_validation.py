"""The pure parts of validate: names, the document, and which endings are failures."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchfleet.controller.campaigns.document import CampaignDocument
from benchfleet.controller.cli._validation import (
    MODEL_NAME,
    Request,
    campaign_document,
    check_devices,
    runs_failed,
    temporary_name,
)
from benchfleet.controller.documents import load_document
from benchfleet.core.errors import DocumentError, UnreachableError
from benchfleet.core.results import Failure
from benchfleet.v1 import fleet_pb2
from tests.support.campaigns import campaign, fleet, result, run

DIGEST = "0123456789abcdef" * 4


def request(**fields):
    plain = {"model": "m", "selector": "a=b", "dataset": None, "baseline": None, "profile": "gate", "runtime": None}
    return Request(**{**plain, **fields})


@given(st.text(min_size=1, max_size=80).filter(lambda s: "/" not in s and "\0" not in s))
def test_any_file_name_gives_a_name_the_registry_takes(stem):
    assert MODEL_NAME.fullmatch(temporary_name(Path(f"{stem}.onnx"), DIGEST))


def test_same_bytes_have_one_name_and_other_bytes_another():
    path = Path("My Model (v2).onnx")
    assert temporary_name(path, DIGEST) == temporary_name(path, DIGEST) == "validate-my-model-v2:0123456789abcdef"
    assert temporary_name(path, "f" * 64) != temporary_name(path, DIGEST)


def test_document_holds_what_was_asked_and_nothing_that_was_not():
    plain = json.loads(campaign_document(request(), "m:1", "litert"))
    assert plain["matrix"] == {"runtime": ["litert"], "threads": [1], "batch": [1]}
    assert "dataset" not in plain
    assert "baseline" not in plain
    full = json.loads(campaign_document(request(dataset="d", baseline="b:1", runtime="null"), "m:1", "litert"))
    assert (full["dataset"], full["baseline"], full["matrix"]["runtime"]) == ("d", {"model": "b:1"}, ["null"])


def test_selector_cannot_break_out_of_the_document():
    nasty = 'a=b"}\nkind: Policy\n#'
    assert json.loads(campaign_document(request(selector=nasty), "m:1", "x"))["devices"] == {"selector": nasty}


@pytest.mark.parametrize(("state", "failed"), [("failed", 1), ("unschedulable", 1), ("cancelled", 0), ("succeeded", 0)])
def test_only_runs_that_could_not_run_are_failures(state, failed):
    crash = Failure(reason="oom", phase="warming", detail="killed\nat 2 GiB")
    measured = result() if state == "succeeded" else result(outcome="failed", failure=crash)
    lines = runs_failed(campaign(run("r", state=state, measured=measured)))
    assert len(lines) == failed
    assert all(re.search(r"oom while warming: killed at 2 GiB", line) for line in lines)


def test_failures_of_a_mixed_campaign_are_all_named():
    assert len(runs_failed(fleet(12))) == 1


@pytest.mark.parametrize("fields", [{}, {"dataset": "digits-test", "baseline": "digits:fp32", "profile": "quick"}])
def test_document_is_one_that_the_controller_takes(fields):
    document = load_document(
        campaign_document(request(selector="fleet=demo", **fields), "m:1", "litert"), "validate", CampaignDocument
    )
    assert document.models == ["m:1"]


def device(name, *, connected=True, **labels):
    made = fleet_pb2.Device(name=name, labels=labels)
    if connected:
        made.inventory.board = "raspberry-pi-5"
    return made


def test_a_batch_and_shapes_go_into_the_document():
    asked = request(batch=8, threads=4, shapes={"x": (8, 3, 64, 64), "a=b": (1, 2)})
    document = load_document(campaign_document(asked, "m:1", "onnxruntime"), "validate", CampaignDocument)
    assert (document.matrix.batch, document.matrix.threads, document.scenario_list[0][0]) == ([8], [4], "offline")
    assert document.shapes == {"x": "8x3x64x64", "a=b": "1x2"}


def test_a_selector_that_means_nobody_is_told_before_anything_is_pushed():
    with pytest.raises(DocumentError, match="matches no device; devices: pi"):
        check_devices([device("pi", a="c")], request())
    with pytest.raises(DocumentError, match="join one"):
        check_devices([], request())


def test_devices_that_never_connected_are_unreachable():
    with pytest.raises(UnreachableError, match="pi: joined but never connected"):
        check_devices([device("pi", connected=False, a="b"), device("other", a="c")], request())
    check_devices([device("pi", connected=False, a="b"), device("two", a="b")], request())
    check_devices([device("x")], request(selector="board=raspberry-pi-5, name=x"))
