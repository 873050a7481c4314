"""A model that stalls for 100 ms every 2 s: what p99 the server scenario reports, against what users would have met.

Queries arrive at a rate r and a call takes s, so the load is rho = r*s. One that arrives u after a stall of length D
began waits for the rest of it and for those before it: latency D - u*(1 - rho) + s. The slowest hundredth of all
arrivals are those within u < T/100 of a stall's start, so p99 = D - (T/100)*(1 - rho) + s. A closed loop meets each
stall once, whatever the rate: its p99 is the call's own time. Both run the scenarios' own code, in alternating rounds.
"""

from __future__ import annotations

import time
from array import array

from benchfleet.agent.runner import process
from benchfleet.agent.runner.load import Held, Load
from benchfleet.core import plugins, scenario, statistics

STALL_NS, EVERY_NS = 100_000_000, 2_000_000_000
CALL_NS, QPS = 1_000_000, 200.0
ROUNDS, SPAN_NS = 15, 4_000_000_000
GOAL = 0.10


class Stalling:
    """A session that is held up in the first 100 ms of every other second."""

    def run(self) -> None:
        """Waits for the end of a stall, then works."""
        into_ns = time.perf_counter_ns() % EVERY_NS
        if into_ns < STALL_NS:
            time.sleep((STALL_NS - into_ns) / 1e9)
        until = time.perf_counter_ns() + CALL_NS
        while time.perf_counter_ns() < until:
            pass


def main() -> None:
    """Measure and print one line."""
    process.settle()
    found: dict[str, list[int]] = {"server": [], "single_stream": []}
    loads = {name: _load(name) for name in found}
    services: list[int] = []
    for _ in range(ROUNDS):
        for name, held in found.items():
            loads[name].begin(1, SPAN_NS, 3 * SPAN_NS, 0.0)
            done = plugins.load(scenario.PACKAGE, scenario.GROUP, name).drive(loads[name])
            held += done.series["wall_ns"]
            services += done.series.get("service_ns", ())
    call_ns = statistics.quantile(sorted(services), 0.5)
    analytic_ms = (STALL_NS - EVERY_NS / 100 * (1 - QPS * call_ns / 1e9) + call_ns) / 1e6
    open_ms, closed_ms = (statistics.quantile(sorted(held), 0.99) / 1e6 for held in found.values())
    off = open_ms / analytic_ms - 1
    print(
        f"coordinated_omission: p99 from the scheduled time {open_ms:.1f} ms, analytic {analytic_ms:.1f} ms, off by "
        f"{off:+.1%} ({'within' if abs(off) <= GOAL else 'ABOVE'} the goal of {GOAL:.0%}, n={len(found['server'])}); "
        f"a closed loop on the same model says {closed_ms:.2f} ms; ratio {analytic_ms / closed_ms:.0f} too low"
    )


def _load(name: str) -> Load:
    params = {"qps": QPS, "latency_bound_s": None} if name == "server" else {}
    spec = {"batch": 1, "seed": 0, "scenario_params": params}
    return Load(spec, [Held(1, Stalling())], process.WaitMeter(8192), array("q", bytes(8 * 8192)))


if __name__ == "__main__":
    main()
