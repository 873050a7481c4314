"""What the agent decides about attempts: `step(state, event, now_s) -> (state, actions)`, pure.

At most one attempt is active. Its lease ends at the send time of the last answered heartbeat that named it, plus the
TTL, on the boot-time clock; when that passes, the agent stops it by itself, for the controller may have given the
device to another.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Union

from benchfleet.core.runspec import RunSpec

DONE_MAX = 64
"""Ended attempts that are remembered, so that a late offer of one is not measured again."""

ACCEPTED, SPOOLED, STOPPED = "accepted", "spooled", "stopped"


@dataclass(frozen=True, slots=True, order=True)
class Ref:
    """One attempt by the two numbers that fence it."""

    run_id: str
    epoch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """An attempt the controller asks for."""

    ref: Ref
    spec: RunSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """All that decisions depend on."""

    active: Offer | None = None
    stopping: bool = False
    deadline_s: float = 0.0
    waiting: Offer | None = None
    done: tuple[tuple[Ref, str], ...] = ()
    draining: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """Assign came; the lease runs from now."""

    offer: Offer
    ttl_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelled:
    """Cancel came."""

    ref: Ref


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewed:
    """A heartbeat sent at `sent_s` that named `refs` was answered."""

    sent_s: float
    refs: frozenset[Ref]
    ttl_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """Nothing of the attempt runs any more; `spooled` when its result waits in the spool."""

    ref: Ref
    spooled: bool


@dataclass(frozen=True, slots=True)
class Tick:
    """Time passed."""


@dataclass(frozen=True, slots=True)
class Draining:
    """The daemon is told to end."""


@dataclass(frozen=True, slots=True)
class Start:
    """Begin the attempt."""

    offer: Offer


@dataclass(frozen=True, slots=True)
class Stop:
    """Kill what runs of the attempt."""

    ref: Ref
    why: str


@dataclass(frozen=True, slots=True)
class Tell:
    """Send Progress with this phase."""

    ref: Ref
    phase: str


Event = Union[Offered, Cancelled, Renewed, Ended, Tick, Draining]
Action = Union[Start, Stop, Tell]
Step = tuple[State, tuple[Action, ...]]


def step(state: State, event: Event, now_s: float) -> Step:
    """The next state and what to do."""
    if isinstance(event, Offered):
        return _offered(state, event, now_s)
    if isinstance(event, Ended):
        return _ended(state, event, now_s)
    if isinstance(event, Renewed):
        if state.active is not None and state.active.ref in event.refs:
            return replace(state, deadline_s=max(state.deadline_s, event.sent_s + event.ttl_s)), ()
        return state, ()
    if isinstance(event, Cancelled):
        return _cancelled(state, event.ref)
    if isinstance(event, Draining):
        return _stop(replace(state, draining=True, waiting=None), "draining")
    if state.active is not None and now_s >= state.deadline_s:
        return _stop(state, "lease")
    return state, ()


def _offered(state: State, event: Offered, now_s: float) -> Step:
    offer = event.offer
    known = dict(state.done).get(offer.ref)
    if known is not None:
        return state, (Tell(offer.ref, known),)
    if state.draining:
        return state, (Tell(offer.ref, STOPPED),)
    if state.active is None:
        state = replace(state, active=offer, stopping=False, deadline_s=now_s + event.ttl_s)
        return state, (Tell(offer.ref, ACCEPTED), Start(offer))
    if state.active.ref == offer.ref:
        if state.stopping:
            return state, ()
        return replace(state, deadline_s=max(state.deadline_s, now_s + event.ttl_s)), (Tell(offer.ref, ACCEPTED),)
    if offer.ref.run_id == state.active.ref.run_id and offer.ref.epoch < state.active.ref.epoch:
        return state, ()
    # One device holds one lease: a new offer means that the old one is over.
    state, actions = _stop(replace(state, waiting=offer), "superseded")
    return state, actions


def _ended(state: State, event: Ended, now_s: float) -> Step:
    phase = SPOOLED if event.spooled else STOPPED
    done = (*state.done, (event.ref, phase))[-DONE_MAX:]
    tell = Tell(event.ref, phase)
    if state.active is None or state.active.ref != event.ref:
        return replace(state, done=done), (tell,)
    next_offer, ttl_s = state.waiting, max(0.0, state.deadline_s - now_s)
    state = replace(state, active=None, stopping=False, waiting=None, done=done, deadline_s=0.0)
    if next_offer is None:
        return state, (tell,)
    # The controller repeats an offer that it still means; starting it now spares that round.
    state = replace(state, active=next_offer, deadline_s=now_s + max(ttl_s, WAITING_LEASE_S))
    return state, (tell, Tell(next_offer.ref, ACCEPTED), Start(next_offer))


WAITING_LEASE_S = 10.0
"""Of an offer that waited for its predecessor to stop: long enough for one heartbeat to renew it."""


def _cancelled(state: State, ref: Ref) -> Step:
    if state.active is not None and state.active.ref == ref:
        return _stop(state, "cancelled")
    if state.waiting is not None and state.waiting.ref == ref:
        state = replace(state, waiting=None, done=(*state.done, (ref, STOPPED))[-DONE_MAX:])
        return state, (Tell(ref, STOPPED),)
    known = dict(state.done).get(ref, STOPPED)
    return state, (Tell(ref, known),)


def _stop(state: State, why: str) -> Step:
    if state.active is None or state.stopping:
        return state, ()
    return replace(state, stopping=True), (Stop(state.active.ref, why),)
