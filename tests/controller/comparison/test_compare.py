"""What may be said of two runs, and what may not."""

from __future__ import annotations

import pytest

from benchfleet.controller.comparison.compare import compare
from benchfleet.controller.comparison.ratio import finding
from benchfleet.core.errors import NotFoundError
from benchfleet.core.results import Failure, Reason
from tests.support.campaigns import campaign, fleet, paired, result, run

NOISE = Reason(flag="background_load", severity="invalid", detail="31 %")


def row(comparison, run_id):
    return next(r for r in comparison.rows if r.run.run_id == run_id)


def test_interval_over_one_is_no_difference_however_large_the_effect():
    assert finding(0.8, (0.6, 1.05)) == "no detectable difference"


def test_effect_below_two_percent_is_no_difference_however_tight_the_interval():
    assert finding(0.985, (0.984, 0.986)) == "no detectable difference"


def test_clear_effect_is_named_by_its_direction():
    assert finding(0.9, (0.88, 0.92)) == "lower"
    assert finding(1.1, (1.08, 1.12)) == "higher"


def test_without_an_interval_nothing_is_claimed():
    assert finding(0.5, None) == "no interval"


def test_paired_ratio_of_interleaved_rounds_outranks_the_ratio_of_two_attempts():
    c = campaign(run("base", measured=result(p50=10.0)), paired("digits:int8", 9.0, (0.5, 0.49, 0.51), run_id="new"))
    found = row(compare(c), "new").latency
    assert (found.value, found.paired, found.finding) == (0.5, True, "lower")


def test_paired_ratio_against_another_model_than_the_declared_baseline_is_not_used():
    c = campaign(
        run("base", model="digits:fp16", measured=result(p50=10.0)),
        paired("digits:int8", 9.0, (0.5, 0.49, 0.51), run_id="new"),
        baseline="digits:fp16",
    )
    found = row(compare(c), "new").latency
    assert not found.paired
    assert found.value == pytest.approx(0.9)


def test_baseline_of_another_thread_count_is_refused_and_the_field_named():
    c = campaign(run("base", threads=4, measured=result()), run("new", model="digits:int8", measured=result()))
    found = row(compare(c), "new").latency
    assert found.value is None
    assert "threads: baseline 4, here 1" in found.reason


@pytest.mark.parametrize("field", ["kernel", "agent_version"])
def test_unlike_surroundings_are_warned_of_by_name(field):
    c = campaign(
        run("base", measured=result(provenance={field: "old"})),
        run("new", model="digits:int8", measured=result(provenance={field: "new"})),
    )
    comparison = compare(c)
    assert row(comparison, "new").latency.value is not None
    assert any(field in w and "baseline old, here new" in w for w in comparison.warnings)


def test_governor_that_only_one_side_knows_is_no_warning():
    c = campaign(
        run("base", measured=result(provenance={"governor": None})),
        run("new", model="digits:int8", measured=result()),
    )
    assert compare(c).warnings == ()


def test_the_least_unlike_of_many_baselines_is_named_in_the_refusal():
    bases = [run(f"base-{t}-{b}", threads=t, batch=b, measured=result()) for t in (2, 4, 8) for b in (1, 8)]
    found = row(compare(campaign(*bases, run("new", model="digits:int8", threads=1, measured=result()))), "new")
    assert [u.field for u in found.refused] == ["threads"]


def test_accuracy_on_another_data_set_is_no_drop():
    c = campaign(
        run("base", measured=result(cell={"dataset_name": "a"})),
        run("new", model="digits:int8", measured=result(cell={"dataset_name": "b"})),
    )
    drop = row(compare(c), "new").accuracy_drop_pp
    assert drop.value is None
    assert "dataset" in str(drop.reason)


def test_accuracy_drop_is_in_percentage_points():
    c = campaign(
        run("base", measured=result(accuracy=0.97)), run("new", model="digits:int8", measured=result(accuracy=0.96))
    )
    assert row(compare(c), "new").accuracy_drop_pp.value == pytest.approx(1.0)


def test_named_cell_is_compared_across_threads_with_a_warning_but_never_across_scenarios():
    c = campaign(
        run("t1", measured=result(p50=10)),
        run("t4", threads=4, measured=result(p50=5)),
        run("off", scenario="offline", measured=result(p50=5)),
    )
    comparison = compare(c, "t1 b1 single")
    assert row(comparison, "t4").latency.value == pytest.approx(0.5)
    assert any("threads" in w for w in row(comparison, "t4").warnings)
    assert "scenario" in row(comparison, "off").latency.reason


@pytest.mark.parametrize(
    ("text", "what"), [("digits", "several cells"), ("nothing like it", "no cell"), ("", "no cell")]
)
def test_baseline_cell_that_is_not_one_cell_is_refused(text, what):
    c = campaign(run("a", measured=result()), run("b", model="digits:int8", measured=result()))
    with pytest.raises(NotFoundError, match=what):
        compare(c, text)


def test_invalid_run_is_shown_but_never_best_and_has_no_ratio():
    c = campaign(
        run("base", measured=result(p50=10)),
        run("noisy", model="digits:int8", measured=result(p50=1, reasons=(NOISE,))),
        run("ok", model="digits:fp16", measured=result(p50=9)),
    )
    comparison = compare(c)
    noisy = row(comparison, "noisy")
    assert noisy.status == "invalid"
    assert noisy.best == frozenset()
    assert noisy.latency.value is None
    assert "latency_ms_p50" in row(comparison, "ok").best


def test_runs_whose_intervals_overlap_share_best():
    c = campaign(
        run("a", measured=result(p50=10.0)),
        run("b", model="digits:fp16", measured=result(p50=10.1)),
        run("c", model="digits:int8", measured=result(p50=12.0)),
    )
    best = {r.run.run_id for r in compare(c).rows if "latency_ms_p50" in r.best}
    assert best == {"a", "b"}


def test_failed_and_lost_runs_are_rows_with_their_reason():
    crash = Failure(reason="oom", phase="warming", detail="killed at 2 GiB")
    c = campaign(
        run("base", measured=result()),
        run("crash", state="failed", reason="oom", measured=result(outcome="failed", failure=crash)),
        run("lost", state="failed", reason="agent_lost", detail="lease expired"),
        run("gone", state="cancelled", reason="cancelled", detail="by ops"),
    )
    rows = {r.run.run_id: r for r in compare(c).rows}
    assert len(rows) == 4
    assert rows["crash"].why == "oom while warming: killed at 2 GiB"
    assert rows["lost"].why == "agent_lost: lease expired"
    assert rows["gone"].status == "cancelled"


def test_size_is_compared_across_formats_because_conditions_do_not_change_it():
    c = campaign(
        run("base", measured=result(size=4e6)),
        run("lite", model="digits:int8", runtime="litert", format="tflite", measured=result(size=1e6)),
    )
    found = row(compare(c), "lite")
    assert found.size.value == pytest.approx(0.25)
    assert found.latency.value is None


def test_every_run_of_a_large_campaign_has_its_own_label():
    rows = compare(fleet(40)).rows
    assert len({r.label for r in rows}) == 40


def test_baseline_may_be_a_model_matched_cell_by_cell():
    c = campaign(
        run("a1", measured=result(p50=10)),
        run("a4", threads=4, measured=result(p50=6)),
        run("b4", model="digits:int8", threads=4, measured=result(p50=3)),
        baseline=None,
    )
    comparison = compare(c, "digits:fp32")
    assert comparison.baseline == "digits:fp32"
    assert row(comparison, "b4").latency.value == pytest.approx(0.5)
    assert row(comparison, "a1").is_baseline


def test_why_of_an_invalid_result_is_what_made_it_invalid_not_every_flag():
    flawed = Reason(flag="single_launch", severity="degraded", detail="one launch")
    found = row(compare(campaign(run("r", measured=result(reasons=(flawed, NOISE))))), "r")
    assert found.why == "background_load: 31 %"
