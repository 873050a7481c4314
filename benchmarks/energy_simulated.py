"""Energy of 30 frames a second on a simulated Jetson, read by the driver of the real one, against the known truth.

The clock is turned by hand: a minute takes seconds. Each frame keeps the board busy for 8 ms, so it draws its idle
power all of the time and its dynamic power in 24 % of it. The rail that is the total of this board is read at the
jittered times of a sampler, in the steps of its chip; the joules are those that a result would print.
"""

from __future__ import annotations

import math
import random

from benchfleet.agent.jitter import Schedule
from benchfleet.agent.runner.simulated import BUSY_FOLDER, Meter
from benchfleet.agent.sensors import ina3221
from benchfleet.agent.simulate import board
from benchfleet.agent.simulate.simulation import UPDATE_S, Simulation
from benchfleet.core import energy
from benchfleet.core.samples import SensorSeries

FPS, BUSY_S, HZ, LEAD_S = 30, 0.008, 10.0, 1.0
RUNS, GOAL_60_S = 10, 0.03


def relative_error(span_s: float, seed: int) -> float:
    """How far the joules of one run are off."""
    simulation = Simulation(board.load("jetson-orin-nano"))
    try:
        return _error(simulation, span_s, random.Random(seed))
    finally:
        simulation.stop()


def _error(simulation: Simulation, span_s: float, rng: random.Random) -> float:
    whole = next(sensor for sensor in ina3221.probe(simulation.env) if sensor.id == ina3221.TOTAL_ID)
    reader = ina3221.reader(simulation.env, [whole])
    meter = Meter(str(simulation.folder / BUSY_FOLDER), 1.0)
    begun_ns, end_s = simulation.begun_ns, span_s + 2 * LEAD_S
    phase_s, schedule, reads_s = rng.random() / FPS, Schedule(rng), [0.0]
    while reads_s[-1] < end_s:
        reads_s.append(schedule.next_s(reads_s[-1], 1 / HZ))
    happens = [(phase_s + i / FPS, "frame") for i in range(int(end_s * FPS))]
    happens += [(i * UPDATE_S, "update") for i in range(1, int(end_s / UPDATE_S))] + [(at, "read") for at in reads_s]
    times_ns, values = [], []
    for at_s, what in sorted(happens):
        at_ns = begun_ns + round(at_s * 1e9)
        if what == "frame":
            meter.begin(at_ns)
            meter.ends(at_ns + round(BUSY_S * 1e9))
        elif what == "update":
            simulation.step(at_ns)
        else:
            times_ns.append(at_ns)
            values.append(reader.read()[0].number)
    meter.close()
    reader.close()
    series = SensorSeries(
        sensor=whole.id, kind=whole.kind, scope=whole.scope, source=whole.source, times_ns=tuple(times_ns),
        values=tuple(values), period_s=1 / HZ, update_s=whole.update_s, accuracy=whole.accuracy, simulated=True,
    )  # fmt: skip
    seen = energy.measure(series, [(begun_ns + round(LEAD_S * 1e9), begun_ns + round((LEAD_S + span_s) * 1e9))])
    assert isinstance(seen, energy.Energy), seen
    power = simulation.board.power
    return seen.energy_j / (span_s * (power.idle_w + power.dynamic_w * BUSY_S * FPS)) - 1


def main() -> None:
    """One line for ten seconds and for a minute."""
    for span_s in (10.0, 60.0):
        errors = [relative_error(span_s, seed) for seed in range(RUNS)]
        rms, worst = math.sqrt(math.fsum(e * e for e in errors) / RUNS), max(map(abs, errors))
        verdict = "" if span_s < 60 else f"; {'within' if worst <= GOAL_60_S else 'ABOVE'} the goal of {GOAL_60_S:.0%}"
        print(
            f"energy_simulated: ina3221 at {HZ:.0f} Hz, {FPS} FPS for {span_s:.0f} s: {rms:.2%} rms, "
            f"{worst:.2%} at most{verdict} (n={RUNS})"
        )


if __name__ == "__main__":
    main()
