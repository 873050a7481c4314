"""The state machine keeps its promises under any order of events."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from benchfleet.controller.campaigns.machine import (
    LEASE_GRACE_S,
    LEASE_TTL_S,
    Barred,
    Cancelled,
    Cleared,
    Lease,
    Lost,
    Offer,
    Progressed,
    Record,
    Renewed,
    Reported,
    Restarted,
    Run,
    Slice,
    Stopped,
    Tick,
    Withdraw,
    step,
)

LEASE_S = LEASE_TTL_S + LEASE_GRACE_S
NEW = Slice(run=Run(id="r", device="d"), attempt=None, device_token=7)


def leased(now_s=0.0):
    state, actions = step(NEW, Lease(incarnation=1), now_s)
    assert actions == (Offer(),)
    return state


def ok(epoch=1, incarnation=1):
    return Reported(epoch=epoch, incarnation=incarnation, outcome="ok", reason="", detail="", verdict="valid")


def failed(reason, epoch=1, incarnation=1):
    return Reported(epoch=epoch, incarnation=incarnation, outcome="failed", reason=reason, detail="", verdict="invalid")


def test_a_lease_bumps_epoch_and_token_and_offers_once():
    state = leased()
    assert (state.run.epoch, state.device_token, state.run.attempts) == (1, 8, 1)
    assert step(state, Lease(incarnation=1), 1.0) == (state, ())


def test_a_result_of_the_leased_epoch_is_accepted_and_any_other_superseded():
    done, actions = step(leased(), ok(), 5.0)
    assert actions == (Record("accepted"),)
    assert done.run.state == "succeeded"
    assert not done.attempt.holds_device
    assert step(done, ok(), 6.0)[1] == (Record("superseded"),)
    assert step(leased(), ok(epoch=0), 5.0)[1] == (Record("superseded"),)


def test_a_result_of_another_incarnation_is_superseded_and_the_attempt_goes_on():
    state, actions = step(leased(), ok(incarnation=2), 5.0)
    assert actions == (Record("superseded"),)
    assert state == leased()


def test_a_run_whose_device_is_gone_is_unschedulable_until_it_is_back():
    barred, _ = step(NEW, Barred("device_offline", "gone"), 1.0)
    assert (barred.run.state, barred.run.reason) == ("unschedulable", "device_offline")
    assert step(barred, Lease(incarnation=1), 2.0) == (barred, ())
    revoked, _ = step(barred, Barred("device_revoked", "gone for good"), 3.0)
    assert revoked.run.reason == "device_revoked"
    back, _ = step(revoked, Cleared(), 4.0)
    assert (back.run.state, back.run.reason) == ("queued", "")
    assert step(barred, Cancelled("enough"), 5.0)[0].run.state == "cancelled"


@pytest.mark.parametrize("event", [Barred("device_revoked", ""), Cleared()])
def test_a_run_that_is_leased_or_has_ended_does_not_care_about_standing(event):
    done, _ = step(leased(), ok(), 1.0)
    assert step(leased(), event, 2.0)[0] == leased()
    assert step(done, event, 2.0)[0] == done


def test_a_lease_runs_out_and_a_renewal_moves_it():
    state = leased()
    assert step(state, Tick(), LEASE_S - 0.1)[0] == state
    renewed, _ = step(state, Renewed(1), 20.0)
    assert step(renewed, Tick(), LEASE_S + 1)[0] == renewed
    lost, _ = step(renewed, Tick(), 20.0 + LEASE_S)
    assert (lost.run.state, lost.run.reason) == ("queued", "lease_lost")
    assert not lost.attempt.holds_device


def test_a_restart_of_the_controller_frees_nothing():
    state, _ = step(leased(), Restarted(), 1000.0)
    assert step(state, Tick(), 1000.0 + LEASE_S - 1)[0].run.state == "leased"


def test_cancel_ends_the_run_at_once_and_holds_the_device_until_the_agent_says_so():
    state, actions = step(leased(), Cancelled("enough"), 1.0)
    assert actions == (Withdraw(1, "enough"),)
    assert state.run.state == "cancelled"
    assert state.attempt.holds_device
    assert step(state, Renewed(1), 2.0)[1] == (Withdraw(1, "the run has ended"),)
    freed, _ = step(state, Stopped(1), 3.0)
    assert not freed.attempt.holds_device
    assert freed.run.state == "cancelled"


@pytest.mark.parametrize("event", [Renewed(1), Progressed(1, "measuring")])
def test_an_agent_that_works_on_what_is_no_longer_its_is_told_to_stop(event):
    lost, _ = step(leased(), Tick(), LEASE_S)
    assert step(lost, event, LEASE_S + 1)[1] == (Withdraw(1, "the lease of this attempt is over"),)
    assert step(lost, Progressed(1, "spooled"), LEASE_S + 1)[1] == ()


def test_a_model_s_own_failure_is_final_and_a_crash_is_tried_once_more():
    assert step(leased(), failed("unsupported_model"), 1.0)[0].run.state == "failed"
    once, actions = step(leased(), failed("runner_signal"), 1.0)
    assert once.run.state == "queued"
    assert actions == (Record("superseded"),)
    again, _ = step(once, Lease(incarnation=1), 2.0)
    assert step(again, failed("runner_signal", epoch=2), 3.0)[0].run.state == "failed"


def test_an_artifact_that_could_not_be_had_says_nothing_about_the_model_and_is_tried_again():
    assert step(leased(), failed("artifact_unavailable"), 1.0)[0].run.state == "queued"


def test_attempts_are_bounded():
    state = NEW
    for epoch in (1, 2, 3):
        state, _ = step(state, Lease(incarnation=epoch), 0.0)
        assert state.run.epoch == epoch
        state, _ = step(state, Lost("agent_restart"), 0.0)
    assert (state.run.state, state.run.attempts) == ("failed", 3)
    assert step(state, Lease(incarnation=4), 0.0)[1] == ()


def check(before, after, actions, accepted):
    assert after.run.attempts <= after.run.max_attempts
    assert after.device_token >= before.device_token
    assert after.run.epoch >= before.run.epoch
    if before.run.ended:
        assert after.run.state == before.run.state, "a terminal state changed"
    if after.run.state == "leased":
        assert after.attempt.holds_device, "leased without an attempt that holds the device"
    assert accepted <= 1, "two results accepted"
    if after.run.state == "succeeded":
        assert accepted == 1


def simulate(seed, stepper=step):
    """Any order of events, duplicates and late ones among them."""
    source, state, now_s, accepted = random.Random(seed), NEW, 0.0, 0
    for _ in range(40):
        now_s += source.choice((0.0, 1.0, 15.0, LEASE_S))
        epoch = source.randint(0, state.run.epoch + 1)
        event = source.choice(
            (
                Lease(source.randint(1, 3)),
                Renewed(epoch),
                Progressed(epoch, source.choice(("accepted", "measuring", "spooled"))),
                Stopped(epoch),
                ok(epoch, source.randint(1, 3)),
                failed(source.choice(("runner_signal", "exception", "deadline")), epoch, source.randint(1, 3)),
                Tick(),
                Lost("agent_restart"),
                Restarted(),
                Barred("device_offline", ""),
                Cleared(),
                *((Cancelled("x"),) if source.random() < 0.1 else ()),
            )
        )
        before = state
        state, actions = stepper(state, event, now_s)
        accepted += Record("accepted") in actions
        check(before, state, actions, accepted)


def test_invariants_hold_in_thousands_of_schedules():
    for seed in range(5000):
        simulate(seed)


def without_fencing(state, event, now_s):
    """The machine with rule 1 taken out: every result counts for the current epoch."""
    if isinstance(event, Reported):
        forged = replace(state, run=replace(state.run, state="leased")) if state.attempt else state
        held = forged.attempt.incarnation if forged.attempt else event.incarnation
        return step(forged, replace(event, epoch=forged.run.epoch, incarnation=held), now_s)
    return step(state, event, now_s)


def without_bound(state, event, now_s):
    """The machine with the bound of attempts taken out."""
    after, actions = step(replace(state, run=replace(state.run, max_attempts=99)), event, now_s)
    return replace(after, run=replace(after.run, max_attempts=state.run.max_attempts)), actions


@pytest.mark.parametrize("mutant", [without_fencing, without_bound])
def test_taking_a_rule_out_is_noticed(mutant):
    def many():
        for seed in range(2000):
            simulate(seed, mutant)

    with pytest.raises(AssertionError):
        many()
