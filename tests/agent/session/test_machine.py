"""What the agent decides about attempts, and what never happens whatever the order of events."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchfleet.agent.session import machine as m
from benchfleet.core.runspec import Artifact, ModelRef, RunSpec

SPEC = RunSpec(
    model=ModelRef(
        name="digits:fp32", format="onnx", precision="fp32", artifact=Artifact(digest="a" * 64, size_bytes=1)
    ),
    runtime="null",
)
ONE, TWO = m.Ref("run-1", 1), m.Ref("run-2", 1)


def offered(*refs: m.Ref, ttl_s: float = 30.0) -> m.Offered:
    return m.Offered(offer=m.Offer(members=tuple(m.Member(ref=ref, spec=SPEC) for ref in refs)), ttl_s=ttl_s)


def ended(*refs: m.Ref, spooled: bool = True) -> m.Ended:
    return m.Ended(refs=refs, spooled=frozenset(refs if spooled else ()))


def after(*events: tuple[float, m.Event]) -> tuple[m.State, tuple[m.Action, ...]]:
    state, actions = m.State(), ()
    for now_s, event in events:
        state, actions = m.step(state, event, now_s)
    return state, actions


def test_an_offer_is_accepted_and_started() -> None:
    _, actions = after((0, offered(ONE)))
    assert actions == (m.Tell(ONE, m.ACCEPTED), m.Start(offered(ONE).offer))


def test_the_same_offer_again_is_accepted_again_and_not_started_twice() -> None:
    _, actions = after((0, offered(ONE)), (1, offered(ONE)))
    assert actions == (m.Tell(ONE, m.ACCEPTED),)


def test_an_offer_of_a_spooled_attempt_is_answered_and_not_measured_again() -> None:
    _, actions = after((0, offered(ONE)), (1, ended(ONE)), (2, offered(ONE)))
    assert actions == (m.Tell(ONE, m.SPOOLED),)


def test_an_older_epoch_of_the_active_run_is_ignored() -> None:
    state, actions = after((0, offered(m.Ref("run-1", 2))), (1, offered(ONE)))
    assert actions == ()
    assert state.active is not None
    assert state.active.refs[0].epoch == 2


def test_another_offer_starts_only_when_nothing_of_the_first_runs() -> None:
    state, actions = after((0, offered(ONE)), (1, offered(TWO)))
    assert actions == (m.Stop(ONE, "superseded"),)
    state, actions = m.step(state, ended(ONE, spooled=False), 2)
    assert actions == (m.Tell(ONE, m.STOPPED), m.Tell(TWO, m.ACCEPTED), m.Start(offered(TWO).offer))


def test_a_lease_that_runs_out_stops_the_attempt_once() -> None:
    state, actions = after((0, offered(ONE)), (29.9, m.Tick()))
    assert actions == ()
    state, actions = m.step(state, m.Tick(), 30.0)
    assert actions == (m.Stop(ONE, "lease"),)
    assert m.step(state, m.Tick(), 31.0)[1] == ()


def test_a_lease_is_renewed_from_the_send_time_of_the_heartbeat() -> None:
    renewed = m.Renewed(sent_s=10.0, refs=frozenset({ONE}), ttl_s=30.0)
    state, _ = after((0, offered(ONE)), (25, renewed))
    assert state.deadline_s == 40.0


def test_a_heartbeat_that_did_not_name_the_attempt_does_not_renew_it() -> None:
    state, _ = after((0, offered(ONE)), (25, m.Renewed(sent_s=25.0, refs=frozenset(), ttl_s=30.0)))
    assert state.deadline_s == 30.0


@pytest.mark.parametrize("ref", [ONE, TWO])
def test_a_cancel_is_always_answered(ref: m.Ref) -> None:
    _, actions = after((0, offered(ONE)), (1, m.Cancelled(ref=ref)))
    assert actions == ((m.Stop(ONE, "cancelled"),) if ref == ONE else (m.Tell(TWO, m.STOPPED),))


def test_a_draining_agent_takes_nothing_new() -> None:
    _, actions = after((0, m.Draining()), (1, offered(ONE)))
    assert actions == (m.Tell(ONE, m.STOPPED),)


def test_a_block_is_accepted_started_and_ended_attempt_by_attempt() -> None:
    state, actions = after((0, offered(ONE, TWO)))
    assert actions == (m.Tell(ONE, m.ACCEPTED), m.Tell(TWO, m.ACCEPTED), m.Start(offered(ONE, TWO).offer))
    _, actions = m.step(state, m.Ended(refs=(ONE, TWO), spooled=frozenset({TWO})), 5)
    assert actions == (m.Tell(ONE, m.STOPPED), m.Tell(TWO, m.SPOOLED))


def test_an_offer_that_is_half_done_starts_the_other_half() -> None:
    _, actions = after((0, offered(ONE)), (1, ended(ONE)), (2, offered(ONE, TWO)))
    assert actions == (m.Tell(ONE, m.SPOOLED), m.Tell(TWO, m.ACCEPTED), m.Start(offered(TWO).offer))


def test_what_is_left_of_a_block_may_be_offered_again() -> None:
    state, actions = after((0, offered(ONE, TWO)), (9, offered(TWO)))
    assert actions == (m.Tell(TWO, m.ACCEPTED),)
    assert state.deadline_s == 39.0


def test_nobody_joins_a_block_that_has_begun() -> None:
    _, actions = after((0, offered(ONE)), (1, offered(ONE, TWO)))
    assert actions == (m.Tell(ONE, m.ACCEPTED), m.Tell(TWO, m.STOPPED))


def test_a_beat_renews_a_block_only_when_it_named_all_of_it() -> None:
    state, _ = after((0, offered(ONE, TWO)), (5, m.Renewed(sent_s=5, refs=frozenset({ONE}), ttl_s=30)))
    assert state.deadline_s == 30.0
    state, _ = m.step(state, m.Renewed(sent_s=6, refs=frozenset({ONE, TWO}), ttl_s=30), 7)
    assert state.deadline_s == 36.0


def test_a_cancel_of_one_attempt_stops_its_block() -> None:
    state, actions = after((0, offered(ONE, TWO)), (1, m.Cancelled(ref=TWO)))
    assert actions == (m.Stop(ONE, "cancelled"),)
    assert m.step(state, m.Cancelled(ref=ONE), 2)[1] == ()


def test_a_spooled_attempt_of_a_block_needs_no_lease_and_its_end_is_not_that_of_the_others() -> None:
    state, actions = after((0, offered(ONE, TWO)), (5, m.Spooled(ref=ONE)))
    assert actions == (m.Tell(ONE, m.SPOOLED),)
    assert state.working == (TWO,)
    state, actions = m.step(state, m.Cancelled(ref=ONE), 6)  # the controller has its result: it is over there
    assert actions == (m.Tell(ONE, m.SPOOLED),)
    assert not state.stopping
    state, _ = m.step(state, m.Renewed(sent_s=7, refs=frozenset({TWO}), ttl_s=30), 7)
    assert state.deadline_s == 37.0
    _, actions = m.step(state, offered(ONE, TWO), 8)
    assert actions == (m.Tell(ONE, m.SPOOLED), m.Tell(TWO, m.ACCEPTED))


def test_a_block_that_follows_knows_nothing_of_what_was_spooled_before() -> None:
    state, _ = after((0, offered(ONE, TWO)), (5, m.Spooled(ref=ONE)), (6, ended(ONE, TWO)))
    assert state.working == ()
    state, _ = m.step(state, offered(m.Ref("run-1", 2)), 7)
    assert state.working == (m.Ref("run-1", 2),)


REFS = st.builds(m.Ref, st.sampled_from(["run-1", "run-2", "run-3"]), st.integers(1, 3))
BLOCKS = st.lists(REFS, min_size=1, max_size=3, unique_by=lambda ref: ref.run_id)
EVENTS = st.one_of(
    BLOCKS.map(lambda refs: offered(*refs)),
    REFS.map(lambda ref: m.Cancelled(ref=ref)),
    st.just(m.Tick()),
    st.just("end"),
    st.just("renew"),
    st.just(m.Draining()),
)


@settings(max_examples=500, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 20), EVENTS), max_size=40))
def test_at_most_one_block_runs_and_no_attempt_is_measured_twice(script: list[tuple[float, object]]) -> None:
    state, now_s = m.State(), 0.0
    running: tuple[m.Ref, ...] = ()
    started: list[m.Ref] = []
    for wait_s, event in script:
        now_s += wait_s
        if event == "end":
            if not running:
                continue
            event, running = ended(*running), ()
        elif event == "renew":
            event = m.Renewed(sent_s=now_s, refs=frozenset(running), ttl_s=30.0)
        state, actions = m.step(state, event, now_s)  # type: ignore[arg-type]  # the two words were replaced above
        for action in actions:
            if isinstance(action, m.Start):
                assert not running, "two blocks at once"
                running = action.offer.refs
                started += running
        assert (state.active.refs if state.active else ()) == running
        if running and isinstance(event, m.Tick) and now_s >= state.deadline_s:
            assert state.stopping, "measures without a lease"
        if isinstance(event, m.Offered) and not state.draining and state.waiting is None:
            told = {action.ref for action in actions if isinstance(action, m.Tell)}
            newest = {ref.run_id: ref.epoch for ref in running}
            old = any(ref.epoch < newest.get(ref.run_id, 0) for ref in event.offer.refs)
            assert told >= set(event.offer.refs) or old or state.stopping, "an offer was not answered"
    assert len(started) == len(set(started))
