"""The past of a campaign's cells in its report."""

from __future__ import annotations

from dataclasses import replace

from benchfleet.controller.comparison.compare import compare
from benchfleet.controller.comparison.past import Past, tracks, until
from benchfleet.controller.reports import Subject, history, report_html
from benchfleet.core.results import Reason
from tests.support.campaigns import campaign, result, run

STEADY = (10.0, 10.1, 9.9, 10.0, 10.2, 9.8, 10.0)
NOISE = Reason(flag="background_load", severity="invalid", detail="31 %")


def past(*values, of=None, first=0, **how):
    return [
        Past(
            run=replace(of or run("r"), run_id=f"r-{i}", campaign_id=f"c-{i}", result=result(p50=value, **how)),
            campaign_name="nightly",
            received_utc_s=1.7e9 + 86_400 * i,
        )
        for i, value in enumerate(values, first)
    ]


def section(results):
    subject = Subject(comparison=compare(campaign()), history=tracks(results, "latency_ms_p50"))
    return history.render(subject)


def test_a_campaign_without_a_past_has_no_such_section():
    assert section([]) is None
    assert section(past(10.0)) is None
    assert 'id="history"' not in report_html(campaign(run("r", measured=result())))


def test_a_suspect_is_shown_with_its_verdict_and_how_to_confirm_it():
    html = section(past(*STEADY, 12.0))
    assert "suspected" in html
    assert "benchfleet replay r-7 --wait" in html
    assert "<svg" in html


def test_a_result_that_did_not_count_does_not_flatten_the_picture():
    wild = past(*STEADY) + past(900.0, first=7, reasons=(NOISE,)) + past(10.0, first=8)
    html = section(wild)
    assert "8 of 9" in html
    assert ">800<" not in html


def test_the_worst_come_first():
    steady = past(*STEADY, of=run("r", model="digits:a"))
    slow = [replace(p, run=replace(p.run, run_id=f"s{p.run.run_id}")) for p in past(*STEADY, 12.0, 12.0)]
    html = section(steady + slow)
    assert html.index(">confirmed<") < html.index(">none<")


def test_the_history_of_an_old_campaign_ends_with_it():
    found = until(past(*STEADY, 12.0), "c-3")
    assert [p.run.campaign_id for p in found] == ["c-0", "c-1", "c-2", "c-3"]
    assert until(past(*STEADY), "c-none") == []
