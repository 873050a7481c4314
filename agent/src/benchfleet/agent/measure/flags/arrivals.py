"""Load by a schedule: whether we kept to it ourselves, and whether the model could."""

from __future__ import annotations

from collections.abc import Iterator

from benchfleet.agent.measure.flags import Seen, degraded, invalid
from benchfleet.core.results import Reason

LAG_SHARE = 0.10
"""Of the median call: what our own loop was late is then in the latencies, and not the model's."""
BUSY_NEAR = 0.95


def find(seen: Seen) -> Iterator[Reason]:
    """dispatch_lag, overloaded, near_capacity."""
    lag_us, service_ms = seen.number("dispatch_lag_us_p99"), seen.number("service_ms_p50")
    if lag_us is not None and service_ms is not None and lag_us * 1e-3 > LAG_SHARE * service_ms:
        yield invalid(
            "dispatch_lag",
            f"1 in 100 calls was begun {lag_us:.0f} us late by this host, over 10 % of a call of {service_ms:.3g} ms: "
            "stop other work on the device and run again",
            touches=("running",),
        )
    unserved = sum(r.unserved for r in seen.evidence.model.rounds)
    busy = seen.number("busy_ratio")
    if unserved:
        yield invalid(
            "overloaded",
            f"{unserved} arrivals were not served in three times the schedule: ask for a lower rate",
            touches=("running",),
        )
    elif busy is not None and busy >= 1:
        yield invalid(
            "overloaded",
            f"the work that arrived was {busy:.2f} times what the model does: its queue grows for as long as it is "
            "measured, so no latency is its own; ask for a lower rate",
            touches=("running",),
        )
    elif busy is not None and busy > BUSY_NEAR:
        yield degraded("near_capacity", f"the model was busy {busy:.0%} of the time: its queue hardly settles")
