"""The JSON export loses nothing."""

from __future__ import annotations

import io
import json

import pytest

from benchfleet.controller.exporters.json import read, write
from benchfleet.core.errors import DocumentError
from benchfleet.core.results import from_json
from tests.support.campaigns import campaign, fleet, result, run


def exported(record):
    stream = io.BytesIO()
    write(record, stream)
    return json.loads(stream.getvalue())


def test_every_result_reads_back_equal():
    record = fleet(9)
    data = exported(record)
    assert [run["run_id"] for run in data["runs"]] == [run.run_id for run in record.runs]
    assert [from_json(run["result"]) for run in data["runs"]] == [run.result for run in record.runs]


def test_lone_surrogates_and_runs_without_result_survive():
    record = campaign(run("r", model="a\udc80", measured=result()), run("lost", state="failed", reason="agent_lost"))
    data = exported(record)
    assert data["runs"][0]["model"] == "a\udc80"
    assert data["runs"][1]["result"] is None
    assert data["runs"][1]["reason"] == "agent_lost"


def test_export_reads_back_as_the_same_campaign():
    record = fleet(9)
    stream = io.BytesIO()
    write(record, stream)
    assert read(stream.getvalue()) == record


@pytest.mark.parametrize(
    "payload", [b"", b"[]", b"{}", b'{"kind": "CampaignExport", "schema": 9}', b"[" * 100_000, b"\xff"]
)
def test_what_is_no_export_is_refused_in_one_line(payload):
    with pytest.raises(DocumentError, match="export"):
        read(payload)
