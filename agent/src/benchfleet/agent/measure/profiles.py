"""How long a measurement takes and when it stops: three levels of effort."""

from __future__ import annotations

from dataclasses import dataclass, replace

from benchfleet.core.errors import DocumentError


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One level of effort; `half_width` is the target of the median's relative interval.

    `tail_half_width` is that of p99, for which LoadGen's count of calls is asked too; None: p99 decides nothing.
    The idle host is watched for `preflight_s` first. `launch_span_s` bounds the rounds of one model in one launch: a
    slow model then has fewer calls in a round.
    After the rounds of the last launch come `monitor_pairs` pairs of rounds with the sampler on and off.
    `settled_by_temperature`: the rounds end when the device is as hot as it gets.
    """

    preflight_s: float
    launches: int
    round_calls_min: int
    round_span_s: float
    rounds_min: int
    rounds_max: int
    warm_span_s: float
    warm_window_s: float
    warm_cap_s: float
    half_width: float
    launch_span_s: float
    rounds_step: int = 5
    tail_half_width: float | None = None
    monitor_pairs: int = 5
    monitor_each: bool = False
    settled_by_temperature: bool = False


_QUICK = Profile(
    preflight_s=0.5,
    launches=1,
    round_calls_min=20,
    round_span_s=0.1,
    rounds_min=10,
    rounds_max=20,
    warm_span_s=0.3,
    warm_window_s=0.15,
    warm_cap_s=2.0,
    half_width=0.03,
    launch_span_s=10.0,
)
_STANDARD = Profile(
    preflight_s=2.0,
    launches=3,
    round_calls_min=20,
    round_span_s=0.25,
    rounds_min=20,
    rounds_max=60,
    warm_span_s=1.0,
    warm_window_s=0.5,
    warm_cap_s=30.0,
    half_width=0.01,
    launch_span_s=120.0,
)
PROFILES = {
    "quick": _QUICK,
    "standard": _STANDARD,
    "gate": replace(_STANDARD, launches=5, tail_half_width=0.05, monitor_pairs=10, monitor_each=True),
}
"""A gate decision takes more launches, since one in ten is far off, a p99 that holds, and what watching cost."""


def profile(name: str) -> Profile:
    """A profile by name; DocumentError names those there are."""
    if name not in PROFILES:
        raise DocumentError(f"profile {name!r} is not known; there are: {', '.join(PROFILES)}")
    return PROFILES[name]
