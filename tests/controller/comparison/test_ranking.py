"""Runs are ordered within their like; module beside board is two lists and a warning."""

from __future__ import annotations

import json
from dataclasses import replace

from benchfleet.controller.comparison.compare import compare
from benchfleet.controller.comparison.ranked import rankings_json
from benchfleet.controller.comparison.ranking import rankings, warnings
from benchfleet.controller.reports import Subject, endurance, energy
from benchfleet.core.results import Reason, Value
from tests.support.campaigns import campaign, result, run

ENERGY = "energy_mj_per_inference"


def measured(run_id, mj, scope="module", half=1.0, reasons=(), provenance=None):
    extra = {ENERGY: Value(value=mj, ci95=(mj - half, mj + half), n=600, source="sensor", scope=scope)}
    return run(run_id, measured=result(extra=extra, reasons=reasons, provenance=provenance))


def rows(*runs):
    return compare(campaign(*runs)).rows


def order(found):
    return [(r.scope, [(p.rank, p.row.run.run_id, p.tied) for p in r.places]) for r in found]


def test_each_scope_has_a_list_of_its_own_and_a_warning_names_them():
    found = rankings(rows(measured("a", 30), measured("b", 10), measured("c", 20, "board")), ENERGY, "lower")
    assert order(found) == [("module", [(1, "b", False), (2, "a", False)]), ("board", [(1, "c", False)])]
    (warning,) = warnings(found, ENERGY)
    assert "board (sensor), module (sensor)" in warning
    assert warnings(found[:1], ENERGY) == []


def test_values_whose_intervals_overlap_are_tied():
    found = rankings(rows(measured("a", 10.0), measured("b", 11.5), measured("c", 20.0)), ENERGY, "lower")
    assert order(found) == [("module", [(1, "a", False), (2, "b", True), (3, "c", False)])]


def test_higher_is_better_turns_the_order():
    found = rankings(rows(measured("a", 10.0), measured("b", 20.0)), ENERGY, "higher")
    assert [p.row.run.run_id for p in found[0].places] == ["b", "a"]


def test_what_is_invalid_is_not_ranked_and_what_is_simulated_is_ranked_apart():
    wrong = Reason(flag="nan_inf", severity="invalid", detail="")
    fake = measured("f", 1.0, provenance={"simulated": True})
    found = rankings(rows(measured("a", 10.0), measured("w", 5.0, reasons=(wrong,)), fake), ENERGY, "lower")
    assert sorted(order(found)) == [("module", [(1, "a", False)]), ("module", [(1, "f", False)])]
    assert [r.title.startswith("simulated") for r in found if r.places[0].row.run.run_id == "f"] == [True]


def test_as_json_every_list_says_its_scope():
    comparison = compare(campaign(measured("a", 30), measured("c", 20, "board")))
    data = json.loads(json.dumps(rankings_json(comparison, ENERGY, "lower")))
    assert [(one["scope"], one["places"][0]["run"]) for one in data["lists"]] == [("module", "a"), ("board", "c")]
    assert len(data["warnings"]) == 1


def section(module, *runs):
    return module.render(Subject(comparison=compare(campaign(*runs)), decision=None))


def test_the_report_has_a_table_a_scope_and_says_so():
    assert section(energy, run("a", measured=result())) is None
    text = str(section(energy, measured("a", 30), measured("c", 20, "board")))
    assert text.count("<table>") == 2
    assert "unlike scopes" in text
    assert "scope board, by sensor" in text


def test_the_fastest_at_first_may_be_the_slowest_at_the_end():
    def lasting(run_id, burst, end):
        extra = {
            "burst_ms_p50": Value(value=burst, n=10),
            "sustained_ms_p50": Value(value=end, n=10),
            "sustained_over_burst_ratio": Value(value=end / burst, n=10),
        }
        return replace(run(run_id, measured=result(extra=extra)), scenario="sustained")

    assert section(endurance, run("a", measured=result())) is None
    text = str(section(endurance, lasting("hot", 5.0, 12.0), lasting("cool", 6.0, 6.1)))
    assert "(+1)" in text
    assert "(-1)" in text
