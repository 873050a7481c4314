"""Which unlike field refuses a ratio, which warns, and that the page for users says the same."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from benchfleet.controller.comparison.compare import compare
from benchfleet.controller.comparison.conditions import CONDITIONS, conditions_of
from tests.support.campaigns import campaign, result, run

PAGE = Path(__file__).parents[3] / "docs" / "comparing.md"

DEVICE = {"board": "raspberry-pi-5", "cpu_model": "Cortex-A76", "kernel": "6.1.0"}
LIKE = {
    "provenance": {
        "device": DEVICE,
        "simulated": False,
        "power_mode": "15W",
        "runtime": {"version": "1.0", "simulated_time_factor": 1.0},
    },
    "cell": {"shapes": {}, "scenario_params": {}},
}


def with_change(name):
    """A run that differs from `made()` in one condition and in nothing else."""
    provenance, cell = LIKE["provenance"], LIKE["cell"]
    changes = {
        "device": lambda: made(device="pi4"),
        "board": lambda: made(provenance={**provenance, "device": {**DEVICE, "board": "raspberry-pi-4"}}),
        "cpu_model": lambda: made(provenance={**provenance, "device": {**DEVICE, "cpu_model": "Cortex-A72"}}),
        "simulated": lambda: made(provenance={**provenance, "simulated": True}),
        "scenario": lambda: made(cell={**cell, "scenario_params": {"fps": 30}}),
        "shapes": lambda: made(cell={**cell, "shapes": {"x": [1, 3, 224, 224]}}),
        "power_mode": lambda: made(provenance={**provenance, "power_mode": "MAXN"}),
        "governor": lambda: made(provenance={**provenance, "host": {"governor": "powersave"}, "governor": "powersave"}),
        "format": lambda: made(format="tflite"),
        "runtime": lambda: made(runtime="openvino"),
        "runtime_options": lambda: made(cell={**cell, "runtime_options": {"providers": ["CUDA"]}}),
        "threads": lambda: made(threads=4),
        "batch": lambda: made(batch=8),
        "profile": lambda: made(cell={**cell, "profile": "quick"}),
        "dataset": lambda: made(cell={**cell, "dataset_name": "other"}),
        "runtime_version": lambda: made(provenance={**provenance, "runtime": {"version": "2.0"}}),
        "simulated_time_factor": lambda: made(
            provenance={**provenance, "runtime": {"version": "1.0", "simulated_time_factor": 60.0}}
        ),
        "agent_version": lambda: made(provenance={**provenance, "agent_version": "0.2.0"}),
        "kernel": lambda: made(provenance={**provenance, "device": {**DEVICE, "kernel": "6.6"}, "kernel": "6.6"}),
    }
    return changes[name]()


def made(provenance=None, cell=None, **where):
    measured = result(p50=10.0, provenance=provenance or LIKE["provenance"], cell=cell or LIKE["cell"])
    return run("new", measured=measured, **where)


def row(comparison):
    return next(r for r in comparison.rows if r.run.run_id == "new")


def test_like_conditions_refuse_nothing_and_warn_of_nothing():
    found = row(compare(campaign(made()), against=campaign(replace(made(), run_id="base"))))
    assert found.latency.value == pytest.approx(1.0)
    assert (found.refused, found.warnings) == ((), ())


@pytest.mark.parametrize("name", [c.name for c in CONDITIONS if c.weight != "warns" and c.name != "device"])
def test_a_refusing_condition_makes_no_ratio_and_is_named_with_both_values(name):
    here = replace(with_change(name), model="digits:int8")
    found = row(compare(campaign(here, replace(made(), run_id="base"))))
    assert found.latency.value is None
    assert f"{name}: baseline" in found.latency.reason
    assert [u.field for u in found.refused] == [name]


def test_another_device_is_never_a_baseline():
    here = replace(with_change("device"), model="digits:int8")
    assert "did not run on pi4" in row(compare(campaign(here, replace(made(), run_id="base")))).latency.reason


@pytest.mark.parametrize("name", [c.name for c in CONDITIONS if c.weight == "warns"])
def test_a_warning_condition_makes_a_ratio_and_is_named(name):
    found = row(compare(campaign(replace(with_change(name), model="digits:int8"), replace(made(), run_id="base"))))
    assert found.latency.value is not None
    assert [warning.partition(":")[0] for warning in found.warnings] == [name]


@pytest.mark.parametrize("name", [c.name for c in CONDITIONS if c.weight == "axis"])
def test_an_axis_is_crossed_when_the_user_names_the_cell(name):
    here = with_change(name)
    base = replace(made(), run_id="base", model="digits:base", cell_key="the base cell")
    found = row(compare(campaign(here, base), "the base cell"))
    assert found.latency.value is not None
    assert any(warning.startswith(f"{name}:") for warning in found.warnings)


@pytest.mark.parametrize("name", ["governor", "threads", "simulated"])
def test_force_shows_the_ratio_marks_it_and_finds_nothing(name):
    here = replace(with_change(name), model="digits:int8")
    found = row(compare(campaign(here, replace(made(), run_id="base")), force=True))
    assert found.latency.value is not None
    assert found.latency.forced == (name,)
    assert found.latency.finding is None
    assert any(name in warning for warning in found.warnings)


def test_unlike_conditions_are_never_ranked_together():
    quick = replace(with_change("governor"), run_id="governor", result=None)
    fast = result(p50=1.0, provenance={**LIKE["provenance"], "governor": "powersave"}, cell=LIKE["cell"])
    rows = compare(campaign(made(), replace(made(), run_id="twin"), replace(quick, result=fast))).rows
    assert {r.run.run_id for r in rows if "latency_ms_p50" in r.best} == {"new", "twin"}


def test_what_only_one_side_knows_differs_from_nothing():
    bare = run("base", measured=result(provenance={"governor": None, "agent_version": None, "kernel": None}))
    found = row(compare(campaign(replace(made(), model="digits:int8"), bare)))
    assert (found.refused, found.warnings) == ((), ())


def test_the_page_has_the_table_of_conditions():
    listed = re.findall(r"^\| `(\w+)` \| (refuses|axis|warns) \|", PAGE.read_text(), flags=re.MULTILINE)
    assert listed == [(c.name, c.weight) for c in CONDITIONS]
    assert set(conditions_of(made())) == {c.name for c in CONDITIONS}
