"""Each scenario has a table of its own, and load without a pause has its curve."""

from __future__ import annotations

from dataclasses import replace

from benchfleet.controller.comparison.compare import compare
from benchfleet.controller.reports import Subject, scenarios
from benchfleet.core.results import Value
from tests.support.campaigns import campaign, result, run

CURVE = {"round_starts_s": [0.0, 1.0, 2.0], "rounds": {"model": [[0, 0, 1e6], [0, 1, 1.1e6], [0, 2, 1.5e6]]}}


def page(*runs):
    return str(scenarios.render(Subject(comparison=compare(campaign(*runs)), decision=None)))


def of(scenario, run_id, **more):
    made = run(run_id, measured=result(**more))
    return replace(made, scenario=scenario, cell_key=made.cell_key.replace("single_stream", scenario))


def test_unlike_scenarios_never_share_a_table():
    missed = {"deadline_miss_ratio": Value(value=0.125, n=80)}
    found = page(of("single_stream", "a"), of("realtime", "b", extra=missed), of("server", "c"))
    tables = found.split("<table>")[1:]
    assert len(tables) == 3
    assert ["0.125" in table for table in tables] == [False, True, False]
    assert "due to its answer" in found


def test_load_without_a_pause_has_a_curve_and_garbage_none():
    assert "<svg" in page(of("sustained", "a", provenance=CURVE))
    assert "<svg" not in page(of("sustained", "a"))
    for bad in ([0.0, 1.0], "x", [0.0, float("nan"), 1.0], [0.0, None, 1.0], [0.0, -1.0, 1.0]):
        assert "<svg" not in page(of("sustained", "a", provenance={**CURVE, "round_starts_s": bad}))
    for bad in ({}, {"model": 3}, {"model": [[0, 0]] * 3}, {"model": [7, 8, 9]}):
        assert "<svg" not in page(of("sustained", "a", provenance={**CURVE, "rounds": bad}))


def test_a_scenario_of_a_newer_agent_is_shown_by_its_latency():
    assert "not known to this controller" in page(of("tomorrow", "a"))
