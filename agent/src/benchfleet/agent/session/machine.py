"""What the agent decides about attempts: `step(state, event, now_s) -> (state, actions)`, pure.

At most one offer is active: attempts whose cells are measured together, as one block. Their lease ends at the send time
of the last answered heartbeat that named them all, plus the TTL, on the boot-time clock; when that passes, the agent
stops them by itself, for the controller may have given the device to another.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Union

from benchfleet.core.runspec import RunSpec

DONE_MAX = 256
"""Ended attempts that are remembered, so that a late offer of one is not measured again."""

ACCEPTED, SPOOLED, STOPPED = "accepted", "spooled", "stopped"


@dataclass(frozen=True, slots=True, order=True)
class Ref:
    """One attempt by the two numbers that fence it."""

    run_id: str
    epoch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One attempt of an offer."""

    ref: Ref
    spec: RunSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What the controller asks for: attempts to be measured together. There is at least one."""

    members: tuple[Member, ...]

    @property
    def refs(self) -> tuple[Ref, ...]:
        """Its attempts; the first names the offer."""
        return tuple(member.ref for member in self.members)


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """All that decisions depend on; `spooled` are attempts of the active block whose results are safe already."""

    active: Offer | None = None
    spooled: frozenset[Ref] = frozenset()
    stopping: bool = False
    deadline_s: float = 0.0
    waiting: Offer | None = None
    done: tuple[tuple[Ref, str], ...] = ()
    draining: bool = False

    @property
    def working(self) -> tuple[Ref, ...]:
        """The attempts that need a lease: those of the active block that have no result yet."""
        return tuple(ref for ref in self.active.refs if ref not in self.spooled) if self.active is not None else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """Assign came; the lease of all its attempts runs from now."""

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
class Spooled:
    """The result of one attempt waits in the spool; others of its block go on."""

    ref: Ref


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """Nothing of an offer runs any more; the results of `spooled` wait in the spool."""

    refs: tuple[Ref, ...]
    spooled: frozenset[Ref] = frozenset()


@dataclass(frozen=True, slots=True)
class Tick:
    """Time passed."""


@dataclass(frozen=True, slots=True)
class Draining:
    """The daemon is told to end."""


@dataclass(frozen=True, slots=True)
class Start:
    """Begin the block."""

    offer: Offer


@dataclass(frozen=True, slots=True)
class Stop:
    """Kill what runs of the block whose first attempt this is."""

    ref: Ref
    why: str


@dataclass(frozen=True, slots=True)
class Tell:
    """Send Progress with this phase."""

    ref: Ref
    phase: str


Event = Union[Offered, Cancelled, Renewed, Spooled, Ended, Tick, Draining]
Action = Union[Start, Stop, Tell]
Step = tuple[State, tuple[Action, ...]]


def step(state: State, event: Event, now_s: float) -> Step:
    """The next state and what to do."""
    if isinstance(event, Offered):
        return _offered(state, event, now_s)
    if isinstance(event, Ended):
        return _ended(state, event, now_s)
    if isinstance(event, Renewed):
        if state.active is not None and event.refs.issuperset(state.working):
            return replace(state, deadline_s=max(state.deadline_s, event.sent_s + event.ttl_s)), ()
        return state, ()
    if isinstance(event, Spooled):
        return replace(state, spooled=state.spooled | {event.ref}), (Tell(event.ref, SPOOLED),)
    if isinstance(event, Cancelled):
        return _cancelled(state, event.ref)
    if isinstance(event, Draining):
        return _stop(replace(state, draining=True, waiting=None), "draining")
    if state.active is not None and now_s >= state.deadline_s:
        return _stop(state, "lease")
    return state, ()


def _offered(state: State, event: Offered, now_s: float) -> Step:
    known = _known(state)
    told = tuple(Tell(ref, known[ref]) for ref in event.offer.refs if ref in known)
    left = tuple(member for member in event.offer.members if member.ref not in known)
    if not left:
        return state, told
    offer = Offer(members=left)
    if state.draining:
        return state, (*told, *_tell(offer.refs, STOPPED))
    if state.active is None:
        state = replace(state, active=offer, stopping=False, deadline_s=now_s + event.ttl_s)
        return state, (*told, *_tell(offer.refs, ACCEPTED), Start(offer))
    if set(offer.refs) & set(state.active.refs):
        return _offered_again(state, offer, told, now_s + event.ttl_s)
    newest = {ref.run_id: ref.epoch for ref in state.active.refs}
    if any(ref.epoch < newest.get(ref.run_id, 0) for ref in offer.refs):
        return state, told
    # One device holds one lease: a new offer means that the old one is over.
    state, actions = _stop(replace(state, waiting=offer), "superseded")
    return state, (*told, *actions)


def _offered_again(state: State, offer: Offer, told: tuple[Action, ...], deadline_s: float) -> Step:
    """The first answer may have been lost; an attempt that is not of the active block cannot join it any more."""
    assert state.active is not None
    strange = _tell([ref for ref in offer.refs if ref not in state.active.refs], STOPPED)
    if state.stopping:
        return state, (*told, *strange)
    again = _tell([ref for ref in offer.refs if ref in state.active.refs], ACCEPTED)
    return replace(state, deadline_s=max(state.deadline_s, deadline_s)), (*told, *again, *strange)


def _tell(refs: Iterable[Ref], phase: str) -> tuple[Action, ...]:
    return tuple(Tell(ref, phase) for ref in refs)


def _ended(state: State, event: Ended, now_s: float) -> Step:
    phases = tuple((ref, SPOOLED if ref in event.spooled else STOPPED) for ref in event.refs)
    done = (*state.done, *phases)[-DONE_MAX:]
    told = tuple(Tell(ref, phase) for ref, phase in phases)
    if state.active is None or state.active.refs != event.refs:
        return replace(state, done=done), told
    next_offer, ttl_s = state.waiting, max(0.0, state.deadline_s - now_s)
    state = replace(state, active=None, spooled=frozenset(), stopping=False, waiting=None, done=done, deadline_s=0.0)
    if next_offer is None:
        return state, told
    # The controller repeats an offer that it still means; starting it now spares that round.
    state = replace(state, active=next_offer, deadline_s=now_s + max(ttl_s, WAITING_LEASE_S))
    return state, (*told, *_tell(next_offer.refs, ACCEPTED), Start(next_offer))


WAITING_LEASE_S = 10.0
"""Of an offer that waited for its predecessor to stop: long enough for one heartbeat to renew it."""


def _cancelled(state: State, ref: Ref) -> Step:
    """A block stops whole: what is cancelled is a campaign, and what is not comes back."""
    if ref in state.working:
        return _stop(state, "cancelled")
    if state.waiting is not None and ref in state.waiting.refs:
        left = tuple(member for member in state.waiting.members if member.ref != ref)
        waiting = Offer(members=left) if left else None
        state = replace(state, waiting=waiting, done=(*state.done, (ref, STOPPED))[-DONE_MAX:])
        return state, (Tell(ref, STOPPED),)
    return state, (Tell(ref, _known(state).get(ref, STOPPED)),)


def _known(state: State) -> dict[Ref, str]:
    """How the attempts ended that have."""
    return {**dict(state.done), **dict.fromkeys(state.spooled, SPOOLED)}


def _stop(state: State, why: str) -> Step:
    if state.active is None or state.stopping:
        return state, ()
    return replace(state, stopping=True), (Stop(state.active.refs[0], why),)
