"""What the gate says of a campaign, and which exit code a pipeline sees."""

from __future__ import annotations

import pytest

from benchfleet.controller.policies.document import policy_of
from benchfleet.controller.policies.evaluate import evaluate
from benchfleet.core.errors import DocumentError
from benchfleet.core.results import Failure, Reason, Value
from tests.support.campaigns import campaign, paired, result, run

NOISE = Reason(flag="background_load", severity="invalid", detail="31 %")
HALF = (0.5, 0.49, 0.51)


def policy(**sections):
    return policy_of({"apiVersion": "benchfleet/v1", "kind": "Policy", **sections})


def decide(*runs, **sections):
    return evaluate(policy(**sections), campaign(run("base", measured=result(p50=10.0)), *runs))


def test_model_within_its_limits_passes():
    decision = decide(paired("digits:int8", 5.0, HALF), hard={"latency_p50": "< 6 ms", "model_size": "< 20 MB"})
    assert (decision.outcome, decision.exit_code) == ("pass", 0)
    assert "2 hard constraints hold on 1 cells" in decision.why


def test_model_over_a_limit_fails_and_says_where():
    decision = decide(paired("digits:int8", 5.0, HALF), hard={"latency_p50": "< 4 ms"})
    assert (decision.outcome, decision.exit_code) == ("fail", 1)
    assert "latency_p50" in decision.why
    assert "digits:int8" in decision.why


def test_limit_inside_the_interval_is_inconclusive_on_either_side():
    for limit in ("< 5.02 ms", "< 4.98 ms"):
        decision = decide(paired("digits:int8", 5.0, HALF), hard={"latency_p50": limit})
        assert (decision.outcome, decision.exit_code) == ("no_evidence", 3)
        assert "inconclusive" in decision.why


def test_range_that_cuts_both_ends_of_the_interval_is_inconclusive():
    decision = decide(paired("digits:int8", 5.0, HALF), hard={"latency_p50": {"min": "4.99 ms", "max": "5.01 ms"}})
    assert decision.outcome == "no_evidence"


@pytest.mark.parametrize(
    ("on_no_evidence", "outcome"), [("fail", "fail"), ("pass", "pass"), ("no_evidence", "no_evidence")]
)
def test_percentile_of_too_few_samples_is_what_the_policy_makes_of_no_evidence(on_no_evidence, outcome):
    decision = decide(paired("digits:int8", 5.0, HALF), hard={"latency_p999": "< 33 ms"}, on_no_evidence=on_no_evidence)
    assert decision.outcome == outcome
    assert "too few" in decision.cells[0].checks[0].verdict.why


def test_certain_fail_outranks_missing_evidence():
    decision = decide(paired("digits:int8", 5.0, HALF), hard={"latency_p999": "< 1 s", "latency_p50": "< 1 ms"})
    assert decision.outcome == "fail"


def test_invalid_result_is_no_evidence_even_far_over_the_limit():
    decision = decide(paired("digits:int8", 500.0, HALF, reasons=(NOISE,)), hard={"latency_p50": "< 1 ms"})
    assert decision.outcome == "no_evidence"
    assert "background_load" in decision.why


def test_crashed_lost_and_cancelled_runs_never_pass():
    crash = Failure(reason="oom", phase="warming", detail="killed")
    for record in (
        run("r", model="digits:int8", state="failed", measured=result(outcome="failed", failure=crash)),
        run("r", model="digits:int8", state="failed", reason="agent_lost"),
        run("r", model="digits:int8", state="cancelled", reason="cancelled"),
    ):
        assert decide(record, hard={"model_size": "< 20 MB"}).outcome == "no_evidence"


def test_soft_constraints_score_by_weight_and_never_fail():
    decision = decide(
        paired("digits:int8", 5.0, HALF),
        soft={"latency_p50": {"limit": "< 1 ms", "weight": 3}, "model_size": "< 20 MB"},
    )
    assert decision.outcome == "pass"
    assert decision.cells[0].score == pytest.approx(0.25)


def test_baseline_is_not_gated_unless_the_scope_names_it():
    hard = {"latency_p50": "< 6 ms"}
    assert decide(paired("digits:int8", 5.0, HALF), hard=hard).outcome == "pass"
    scoped = decide(paired("digits:int8", 5.0, HALF), hard=hard, scope={"model": "digits:*"})
    assert scoped.outcome == "fail"


def test_scope_that_selects_nothing_is_an_error():
    with pytest.raises(DocumentError, match="selects no cell"):
        decide(paired("digits:int8", 5.0, HALF), hard={"model_size": "< 1 MB"}, scope={"device": "mars-*"})


def test_accuracy_drop_of_the_same_attempt_decides():
    drop = {"accuracy_drop_pp": Value(value=1.4, ci95=(0.9, 1.9), n=360)}
    assert decide(paired("digits:int8", 5, HALF, extra=drop), hard={"accuracy_drop": "< 0.5 pp"}).outcome == "fail"
    assert decide(paired("digits:int8", 5, HALF, extra=drop), hard={"accuracy_drop": "< 1 pp"}).outcome == "no_evidence"
    assert decide(paired("digits:int8", 5, HALF, extra=drop), hard={"accuracy_drop": "< 2 pp"}).outcome == "pass"


def test_accuracy_drop_without_a_baseline_is_no_evidence():
    record = campaign(run("r", model="digits:int8", measured=result()), baseline=None)
    decision = evaluate(policy(hard={"accuracy_drop": "< 1 pp"}), record)
    assert decision.outcome == "no_evidence"
    assert "baseline" in decision.why


def test_verdict_gate_wants_a_sound_measurement():
    flawed = Reason(flag="single_launch", severity="degraded", detail="1 launch")
    hard = {"verdict": "valid"}
    assert decide(paired("digits:int8", 5, HALF), hard=hard).outcome == "pass"
    assert decide(paired("digits:int8", 5, HALF, reasons=(flawed,)), hard=hard).outcome == "no_evidence"
    assert decide(paired("digits:int8", 5, HALF, reasons=(flawed,)), hard={"verdict": "degraded"}).outcome == "pass"


LAG = Reason(flag="dispatch_lag", severity="invalid", detail="late", touches=("running",))
NAN = Reason(flag="nan_inf", severity="invalid", detail="3 NaN")


@pytest.mark.parametrize(
    ("reasons", "limit", "outcome"),
    [
        ((LAG,), {"latency_p50": "< 1 s"}, "no_evidence"),
        ((LAG,), {"model_size": "< 20 MB"}, "pass"),
        ((LAG,), {"model_size": "< 1 MB"}, "fail"),
        ((LAG,), {"accuracy_top1": ">= 0.9"}, "pass"),
        ((LAG, NAN), {"accuracy_top1": ">= 0.9"}, "no_evidence"),
        ((NAN,), {"model_size": "< 20 MB"}, "no_evidence"),
        ((NOISE,), {"model_size": "< 20 MB"}, "no_evidence"),
    ],
)
def test_what_made_a_result_invalid_takes_only_the_metrics_it_touches(reasons, limit, outcome):
    record = run("r", model="digits:int8", measured=result(p50=5.0, reasons=reasons))
    assert decide(record, hard=limit).outcome == outcome


@pytest.mark.parametrize("limit", [{"latency_p50": "< 1 s"}, {"latency_p50": "< 1 us"}, {"model_size": "< 20 MB"}])
def test_a_runtime_that_runs_no_model_is_no_evidence_unless_the_policy_allows_it(limit):
    record = run("r", model="digits:int8", runtime="null", measured=result(provenance={"simulated": True}))
    decision = decide(record, hard=limit)
    assert decision.outcome == "no_evidence"
    assert "null ran no model" in decision.why
    assert decide(record, hard=limit, allow_simulated=True).outcome in ("pass", "fail")


def test_a_simulated_board_is_no_evidence_and_the_reason_names_it():
    about = {"simulated": True, "simulated_board": "raspberry-pi-5"}
    record = run("r", model="digits:int8", measured=result(provenance=about))
    found = decide(record, hard={"latency_p50": "< 20 ms"})
    assert found.outcome == "no_evidence"
    assert "no raspberry-pi-5 was there" in found.cells[0].checks[0].verdict.why


def test_a_number_of_a_simulated_sensor_is_no_evidence():
    fake = {"power_w_mean": Value(value=3.0, source="simulated/board")}
    record = run("r", model="m:a", measured=result(extra=fake, provenance={"simulated_sensors": ["simulated/board"]}))
    decision = decide(record, hard={"power_mean": "< 5 W", "latency_p50": "< 1 s"})
    assert [check.verdict.outcome for check in decision.cells[0].checks] == ["no_evidence", "pass"]
    assert decide(record, hard={"power_mean": "< 5 W"}, allow_simulated=True).outcome == "pass"
