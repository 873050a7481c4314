"""From past results to a track: what counts, what is left out by name, and what is said of the newest."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchfleet.controller.comparison.history_plain import FLAT, history_json, spark
from benchfleet.controller.comparison.past import Past, tracks
from benchfleet.controller.comparison.replayed import replayed
from benchfleet.core.results import Failure, Reason, Value
from tests.support.campaigns import result, run

STEADY = (10.0, 10.1, 9.9, 10.05, 9.95, 10.0)
NOISE = Reason(flag="background_load", severity="invalid", detail="31 %")


def past(index, p50, *, run_of=None, reference=1.0, **how):
    extra = {"reference_ratio": Value(value=reference)} if reference is not None else {}
    measured = how.pop("measured", None) or result(p50=p50, extra=extra, **how)
    made = replace(run_of or run("x"), run_id=f"r-{index}", campaign_id=f"c-{index}", result=measured)
    return Past(run=made, campaign_name="nightly", received_utc_s=1_700_000_000.0 + 86_400 * index)


def history(*values, **how):
    return [past(i, v, **how) for i, v in enumerate((*STEADY, *values))]


def only(found, metric="latency_ms_p50"):
    (track,) = tracks(found, metric)
    return track


def test_a_suspect_names_its_change_and_the_run_to_replay():
    track = only(history(12.0))
    assert (track.verdict, track.confirm) == ("suspected", "r-6")
    assert "+20.0%" in track.why
    assert "one campaign is not enough" in track.why


def test_a_second_campaign_confirms_and_there_is_nothing_left_to_replay():
    track = only(history(12.0, 12.1))
    assert (track.verdict, track.confirm) == ("confirmed", None)
    assert "2 campaigns in a row" in track.why


def test_the_same_slowdown_in_the_reference_is_the_hosts():
    track = only([*history(), past(6, 12.0, reference=1.2)])
    assert track.verdict == "host_slow"
    assert "the host was slow, not the model" in track.why


def test_without_reference_work_the_suspicion_says_that_it_cannot_tell():
    track = only([past(i, v, reference=None) for i, v in enumerate((*STEADY, 12.0))])
    assert track.verdict == "suspected"
    assert "cannot be told from a slow model" in track.why


def test_two_measures_of_the_reference_work_are_never_mixed():
    both = [past(i, v, reference=1.0) for i, v in enumerate(STEADY)]
    times = past(6, 12.0, reference=None)
    measured = times.run.result
    measured = replace(measured, metrics={**measured.metrics, "reference_ms_p50": Value(value=1.2)})
    assert only([*both, replace(times, run=replace(times.run, result=measured))]).verdict == "suspected"


@pytest.mark.parametrize(
    ("how", "field"),
    [
        ({"provenance": {"governor": "powersave"}}, "governor"),
        ({"provenance": {"power_mode": "MAXN"}}, "power_mode"),
        ({"cell": {"profile": "quick"}}, "profile"),
    ],
)
def test_earlier_results_under_unlike_conditions_are_left_out_by_name(how, field):
    usual = {"provenance": {"power_mode": "15W", "governor": "performance"}}
    track = only([*history(**{**usual, **how}), past(6, 12.0, **usual)])
    assert track.verdict == "no_evidence"
    assert len(track.used) == 1
    assert all(field in point.why for point in track.points[:-1])
    assert field in track.why


def test_a_version_that_changed_with_the_slowdown_is_named():
    old, new = ({"provenance": {"runtime": {"version": v}}} for v in ("1.20", "1.32"))
    track = only([*history(**old), past(6, 12.0, **new)])
    assert track.verdict == "suspected"
    assert "changed with it: runtime_version 1.20 -> 1.32" in track.why


@pytest.mark.parametrize("ending", ["invalid", "failed"])
def test_a_newest_result_that_does_not_count_is_no_evidence_and_not_none(ending):
    crash = Failure(reason="oom", phase="warming", detail="killed")
    bad = result(reasons=(NOISE,)) if ending == "invalid" else result(outcome="failed", failure=crash)
    track = only([*history(), past(6, 0.0, measured=bad)])
    assert track.verdict == "no_evidence"
    assert "the newest result does not count" in track.why
    assert track.confirm == "r-6"
    assert only([*history(12.0, 12.0), past(8, 0.0, measured=bad)]).verdict == "confirmed"


def test_an_invalid_result_in_between_is_shown_and_counts_for_nothing():
    track = only([*history(), past(6, 99.0, reasons=(NOISE,)), past(7, 10.0)])
    assert track.verdict == "none"
    assert [p.judged is None for p in track.points] == [False] * 6 + [True, False]


def test_cells_and_devices_have_a_track_each_and_a_run_counts_once():
    found = history()
    elsewhere = [past(i, v, run_of=run("x", device="orin")) for i, v in enumerate(STEADY)]
    assert [(t.device, len(t.points)) for t in tracks([*found, *found, *elsewhere], "latency_ms_p50")] == [
        ("orin", 6),
        ("pi5", 6),
    ]


def test_a_fall_of_throughput_is_worse_and_a_small_fall_of_accuracy_too():
    assert only(history(12.0), "throughput_per_s").verdict == "suspected"
    exact = [past(i, 10.0, accuracy=0.97) for i in range(6)]
    assert only([*exact, past(6, 10.0, accuracy=0.96)], "accuracy_top1").verdict == "suspected"
    assert only([*exact, past(6, 10.0, accuracy=0.98)], "accuracy_top1").verdict == "none"
    other = past(6, 10.0, accuracy=0.96, cell={"dataset_name": "other"})
    assert only([*exact, other], "accuracy_top1").verdict == "no_evidence"
    assert only([*exact, other], "latency_ms_p50").verdict == "none"


def test_a_metric_that_was_not_measured_is_left_out_with_its_reason():
    track = only(history(), "power_w_mean")
    assert track.verdict == "no_evidence"
    assert "no power sensor on this device" in track.points[0].why


def test_watts_of_another_scope_or_source_are_another_history():
    def with_power(index, watts, scope):
        made = past(index, 10.0)
        held = {**made.run.result.metrics, "power_w_mean": Value(value=watts, scope=scope, source="ina3221")}
        return replace(made, run=replace(made.run, result=replace(made.run.result, metrics=held)))

    track = only([*(with_power(i, 8.0, "board") for i in range(6)), with_power(6, 4.0, "module")], "power_w_mean")
    assert track.verdict == "no_evidence"
    assert track.points[0].why == "unlike scope: board ina3221, now module ina3221"
    before, now = with_power(0, 8.0, "board").run, with_power(1, 4.0, "module").run
    line = next(line for line in replayed(before, now).lines if line.metric == "power_w_mean")
    assert line.ratio.value is None
    assert "unlike scope" in line.ratio.reason


def test_json_has_every_point_with_its_mark():
    (track,) = history_json(tracks(history(12.0), "latency_ms_p50"), "latency_ms_p50")["tracks"]
    assert [p["mark"] for p in track["points"]] == ["learning"] * 5 + ["usual", "worse"]
    assert track["change"] == pytest.approx(0.2)
    assert track["points"][0]["received_utc"] == "2023-11-14T22:13:20Z"


def test_a_sparkline_of_noise_is_flat_and_one_of_a_step_is_not():
    assert len(set(spark([10.0, 10.0 * (1 + FLAT / 10)] * 3))) <= 2
    assert spark([10.0] * 3) == spark([10.0] * 3)
    assert spark([1.0, 1.0, 2.0]) == "▁▁█"
    assert spark([]) == ""
    assert len(spark(range(1, 100))) == 24


def one(p50, **how):
    return run("x", measured=result(p50=p50, **how))


def test_a_replay_near_the_old_result_agrees_and_says_what_it_can_tell():
    found = replayed(one(10.0), one(10.3))
    assert found.outcome == "agree"
    assert "1.030 [" in found.why


@pytest.mark.parametrize(
    ("now", "outcome", "why"),
    [
        (one(15.0), "disagree", "latency now over then 1.500"),
        (one(10.0, accuracy=0.9), "disagree", "accuracy was 0.9700 and is 0.9000"),
        (one(10.0, reasons=(NOISE,)), "cannot tell", "the new one is invalid"),
        (one(10.0, provenance={"governor": "powersave"}), "cannot tell", "governor: then performance, now powersave"),
    ],
)
def test_a_replay_that_does_not_agree_says_why(now, outcome, why):
    found = replayed(one(10.0), now)
    assert found.outcome == outcome
    assert why in found.why
