"""The JSON export loses nothing."""

from __future__ import annotations

import io
import json

from benchfleet.controller.exporters.json import write
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
