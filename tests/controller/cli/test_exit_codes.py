"""What `run --wait` and `watch` exit with: the worst thing that happened to a campaign."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchfleet.controller.cli._progress import exit_code
from benchfleet.core.results import Reason
from tests.support.campaigns import campaign, result, run

DONE = run("done", measured=result())
SHAKY = run("shaky", measured=result(reasons=(Reason(flag="background_load", severity="invalid", detail=""),)))
FAILED = replace(DONE, run_id="failed", state="failed", result=None)
GONE = replace(DONE, run_id="gone", state="unschedulable", reason="device_offline", result=None)


@pytest.mark.parametrize(
    ("runs", "code"),
    [
        ((DONE,), 0),
        ((DONE, SHAKY), 3),
        ((), 3),
        ((DONE, SHAKY, GONE), 4),
        ((DONE, SHAKY, GONE, FAILED), 5),
        ((replace(DONE, state="cancelled"),), 5),
    ],
)
def test_the_exit_code_is_that_of_the_worst(runs, code):
    assert exit_code(campaign(*runs)) == code
