"""The state machine of one run on one device, pure: step(slice, event, now) -> (slice, actions).

    run:      queued -> leased -> succeeded | failed | cancelled;  leased -> queued (attempt lost, attempts left)
              queued <-> unschedulable (its device is away, barred or revoked)
    attempt:  offered -> accepted -> preparing -> settling -> warming -> measuring -> spooled
              -> done | superseded | lost | stopped | failed

Rules: every lease bumps the run's epoch and the device's token; a result counts only for the epoch that is leased; a
lost offer that is sent again renews its lease; cancelling frees the run at once and the device when the agent says so
or its lease runs out; an attempt of an older incarnation is lost. Deadlines are seconds of the controller's boot clock,
handed in; whoever calls commits the new slice before acting on the actions.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

LEASE_TTL_S = 30.0
LEASE_GRACE_S = 10.0
"""The agent stops at its own send time + TTL; the controller waits this much longer before it frees the device."""

MAX_ATTEMPTS = 3
CRASHES = frozenset({"runner_signal", "oom"})
"""Reasons worth a second try; two in a row of the same kind are the model's own."""

RETRIED = frozenset({"deadline", "stopped", "artifact_corrupt", "artifact_unavailable", "device_lost"})
"""Reasons that say nothing about the model."""

WAITING = ("queued", "unschedulable")
LIVE = frozenset({"offered", "accepted", "preparing", "settling", "warming", "measuring", "spooled"})
PHASES = ("accepted", "preparing", "settling", "warming", "measuring", "spooled")


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One cell on one device. `reason` and `detail` say why it ended, or why its last attempt did."""

    id: str
    device: str
    state: str = "queued"
    epoch: int = 0
    attempts: int = 0
    max_attempts: int = MAX_ATTEMPTS
    reason: str = ""
    detail: str = ""
    verdict: str = ""

    @property
    def ended(self) -> bool:
        """Whether its state is final."""
        return self.state in ("succeeded", "failed", "cancelled")


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One leased try; it holds its device until it has ended there. `block` names those leased together."""

    run_id: str
    epoch: int
    token: int
    incarnation: int
    state: str
    lease_deadline_s: float
    holds_device: bool = True
    reason: str = ""
    block: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """What one event can change: the run, its newest attempt, and the fencing token of its device."""

    run: Run
    attempt: Attempt | None
    device_token: int


@dataclass(frozen=True, slots=True)
class Lease:
    """The scheduler gives the device to this run, and to the others of its block."""

    incarnation: int
    block: str = ""


@dataclass(frozen=True, slots=True)
class Renewed:
    """The agent says that it still works on this attempt, or the offer was sent again."""

    epoch: int


@dataclass(frozen=True, slots=True)
class Progressed:
    """The agent is in a phase of this attempt."""

    epoch: int
    phase: str


@dataclass(frozen=True, slots=True)
class Stopped:
    """The agent says that nothing of this attempt runs any more."""

    epoch: int


@dataclass(frozen=True, slots=True)
class Reported:
    """A result of this attempt has come, measured by this incarnation of the agent."""

    epoch: int
    incarnation: int
    outcome: str
    reason: str
    detail: str
    verdict: str


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed."""


@dataclass(frozen=True, slots=True)
class Lost:
    """The agent came back without this attempt: with a newer incarnation, or no longer holding it."""

    reason: str


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The operator does not want it any more."""

    reason: str


@dataclass(frozen=True, slots=True)
class Barred:
    """No attempt can be made on the run's device for now."""

    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Cleared:
    """The run's device takes attempts again."""


@dataclass(frozen=True, slots=True)
class Restarted:
    """The controller has started: whatever was leased may still be going on."""


Event = Lease | Renewed | Progressed | Stopped | Reported | Tick | Lost | Cancelled | Barred | Cleared | Restarted


@dataclass(frozen=True, slots=True)
class Offer:
    """Send the assignment to the agent."""


@dataclass(frozen=True, slots=True)
class Withdraw:
    """Tell the agent to stop this attempt."""

    epoch: int
    reason: str


@dataclass(frozen=True, slots=True)
class Record:
    """Store the result with this disposition."""

    disposition: str


Action = Offer | Withdraw | Record


def step(state: Slice, event: Event, now_s: float) -> tuple[Slice, tuple[Action, ...]]:
    """The next slice and what to do once it is committed; an event that does not apply changes nothing."""
    match event:
        case Lease():
            return _lease(state, event, now_s)
        case Reported():
            return _reported(state, event)
        case Cancelled():
            return _cancelled(state, event)
        case Barred(reason, detail) if state.run.state in WAITING:
            barred = replace(state.run, state="unschedulable", reason=reason, detail=detail)
            return replace(state, run=barred), ()
        case Cleared() if state.run.state == "unschedulable":
            return replace(state, run=replace(state.run, state="queued", reason="", detail="")), ()
    attempt = state.attempt
    if isinstance(event, (Renewed, Progressed)) and not _holds(attempt, event.epoch):
        # The agent works on what is no longer its: it is told until it says so. A result on its way is let through.
        over = isinstance(event, Progressed) and event.phase not in PHASES[:-1]
        return state, () if over else (Withdraw(event.epoch, "the lease of this attempt is over"),)
    if attempt is None or not attempt.holds_device:
        return state, ()
    match event:
        case Restarted():
            return _with(state, lease_deadline_s=now_s + LEASE_TTL_S + LEASE_GRACE_S), ()
        case Tick() if now_s >= attempt.lease_deadline_s:
            return _end(state, "lost", "lease_lost", "the agent was not heard of within its lease"), ()
        case Lost(reason):
            return _end(state, "lost", reason, "the agent came back without the attempt"), ()
        case Renewed(epoch) if epoch == attempt.epoch:
            return _renewed(state, now_s), _withdrawal(state)
        case Progressed(epoch, phase) if epoch == attempt.epoch:
            moved = _renewed(state, now_s)
            if phase in PHASES and attempt.state in LIVE:
                moved = _with(moved, state=phase)
            return moved, _withdrawal(state)
        case Stopped(epoch) if epoch == attempt.epoch:
            return _end(state, "stopped", "stopped", "the agent stopped the attempt"), ()
    return state, ()


def _lease(state: Slice, event: Lease, now_s: float) -> tuple[Slice, tuple[Action, ...]]:
    run = state.run
    if run.state != "queued" or (state.attempt is not None and state.attempt.holds_device):
        return state, ()
    token = state.device_token + 1
    attempt = Attempt(
        run_id=run.id,
        epoch=run.epoch + 1,
        token=token,
        incarnation=event.incarnation,
        state="offered",
        lease_deadline_s=now_s + LEASE_TTL_S + LEASE_GRACE_S,
        block=event.block,
    )
    leased = replace(run, state="leased", epoch=run.epoch + 1, attempts=run.attempts + 1)
    return Slice(run=leased, attempt=attempt, device_token=token), (Offer(),)


def _reported(state: Slice, event: Reported) -> tuple[Slice, tuple[Action, ...]]:
    run, attempt = state.run, state.attempt
    current = attempt is not None and event.epoch == attempt.epoch == run.epoch
    current = current and event.incarnation == attempt.incarnation  # type: ignore[union-attr]
    if not current or run.state != "leased":
        freed = _with(state, holds_device=False, state="superseded") if current and attempt.holds_device else state  # type: ignore[union-attr]
        return freed, (Record("superseded"),)
    if event.outcome == "ok":
        done = replace(run, state="succeeded", reason="", detail="", verdict=event.verdict)
        return _with(replace(state, run=done), holds_device=False, state="done"), (Record("accepted"),)
    retry = event.outcome == "stopped" or event.reason in RETRIED
    retry = retry or (event.reason in CRASHES and run.reason != event.reason)
    if retry and run.attempts < run.max_attempts:
        again = replace(run, state="queued", reason=event.reason, detail=event.detail)
        return _with(replace(state, run=again), holds_device=False, state="failed", reason=event.reason), (
            Record("superseded"),
        )
    failed = replace(run, state="failed", reason=event.reason, detail=event.detail, verdict="")
    return _with(replace(state, run=failed), holds_device=False, state="failed", reason=event.reason), (
        Record("accepted"),
    )


def _cancelled(state: Slice, event: Cancelled) -> tuple[Slice, tuple[Action, ...]]:
    if state.run.ended:
        return state, ()
    cancelled = replace(state, run=replace(state.run, state="cancelled", reason="cancelled", detail=event.reason))
    holds = state.attempt is not None and state.attempt.holds_device
    return cancelled, (Withdraw(state.attempt.epoch, event.reason),) if state.attempt and holds else ()


def _withdrawal(state: Slice) -> tuple[Action, ...]:
    """An agent that still works for a run that has ended is told again: the first word may have been lost."""
    assert state.attempt is not None
    return (Withdraw(state.attempt.epoch, "the run has ended"),) if state.run.ended else ()


def _holds(attempt: Attempt | None, epoch: int) -> bool:
    return attempt is not None and attempt.holds_device and attempt.epoch == epoch


def _renewed(state: Slice, now_s: float) -> Slice:
    return _with(state, lease_deadline_s=now_s + LEASE_TTL_S + LEASE_GRACE_S)


def _end(state: Slice, how: str, reason: str, detail: str) -> Slice:
    """The attempt ends without a result; its run goes back to the queue while it has attempts left."""
    ended = _with(state, holds_device=False, state=how, reason=reason)
    run = state.run
    if run.state != "leased":
        return ended
    if run.attempts < run.max_attempts:
        return replace(ended, run=replace(run, state="queued", reason=reason, detail=detail))
    return replace(ended, run=replace(run, state="failed", reason=reason, detail=f"{detail}; no attempts left"))


def _with(whole: Slice, /, **changes: object) -> Slice:
    assert whole.attempt is not None
    return replace(whole, attempt=replace(whole.attempt, **changes))  # type: ignore[arg-type]
