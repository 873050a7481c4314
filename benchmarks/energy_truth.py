"""Energy of a paced load by a sampled sensor and by a counter, against the known truth; nobody waits.

A simulated sensor draws 12 W for 30 % of each frame and 3 W otherwise. It is read as an agent reads, at jittered times
of 10 Hz, for a minute, and once more at fixed times. Each figure is over RUNS minutes that differ in their jitter.
"""

from __future__ import annotations

import math
import random
from dataclasses import replace

from benchfleet.agent.jitter import Schedule
from benchfleet.agent.sensors.simulated import Program
from benchfleet.core import energy

RUNS, SPAN_S, LEAD_S, HZ = 200, 60.0, 1.0, 10.0
GOAL_SENSOR, GOAL_COUNTER = 0.03, 0.01


def readings_s(seed: int, *, jittered: bool) -> list[float]:
    """When a sampler reads, from zero to a second after the minute."""
    rng, until_s = random.Random(seed), SPAN_S + 2 * LEAD_S
    if not jittered:
        first_s = rng.random() / HZ
        return [first_s + i / HZ for i in range(int(until_s * HZ))]
    schedule, found = Schedule(rng), [0.0]
    while found[-1] < until_s:
        found.append(schedule.next_s(found[-1], 1 / HZ))
    return found


def errors(program: Program, *, jittered: bool) -> tuple[float, float, float]:
    """Root mean square and largest relative error, and how often the interval held the truth."""
    start_s, end_s = LEAD_S, LEAD_S + SPAN_S
    truth_j, found, held = program.energy_j(start_s, end_s), [], 0
    for seed in range(RUNS):
        series = program.series(readings_s(seed, jittered=jittered))
        if not jittered:  # it never changes, and would be refused for that
            series = replace(series, update_s=0.001)
        seen = energy.measure(series, [(round(start_s * 1e9), round(end_s * 1e9))])
        assert isinstance(seen, energy.Energy), seen
        assert seen.half_width is not None
        found.append(seen.energy_j / truth_j - 1)
        held += abs(found[-1]) <= seen.half_width
    return math.sqrt(math.fsum(e * e for e in found) / RUNS), max(map(abs, found)), held / RUNS


def main() -> None:
    """Measure and print one line for each load."""
    for fps in (10, 30):
        load = {"low_w": 3.0, "high_w": 12.0, "duty": 0.3, "period_s": 1 / fps, "accuracy": 0.0}
        sensor = Program(name="board", **load)
        counter = Program(name="meter", kind="energy_j", update_s=0.1, **load)
        rms, worst, held = errors(sensor, jittered=True)
        plain, _, _ = errors(sensor, jittered=False)
        counted, counted_worst, _ = errors(counter, jittered=True)
        verdict = "within" if rms <= GOAL_SENSOR and counted <= GOAL_COUNTER else "ABOVE"
        print(
            f"energy_truth: {fps} FPS, {SPAN_S:.0f} s: jittered {HZ:.0f} Hz {rms:.2%} rms ({worst:.1%} at most, "
            f"interval held the truth in {held:.0%}), fixed {HZ:.0f} Hz {plain:.0%}, counter {counted:.2%} "
            f"({counted_worst:.2%} at most); {verdict} the goals of {GOAL_SENSOR:.0%} and {GOAL_COUNTER:.0%}; "
            f"ratio fixed/jittered {plain / rms:.0f} (n={RUNS})"
        )


if __name__ == "__main__":
    main()
