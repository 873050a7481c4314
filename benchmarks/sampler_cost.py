"""What sensors cost at 10 Hz: files opened for each reading, against files opened once, and the whole sampler.

Both readers use the same parsers on the same files of this host, in alternating blocks of one run. Costs are CPU time
of the reading thread; a share of a core is that cost times the rate. Then the sampler itself, as it runs beside a
measurement: caches are cold when it wakes, and what the kernel makes anew each few seconds is read no more often.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

from benchfleet.agent import sensors
from benchfleet.agent.env import live
from benchfleet.agent.sampler import ACTIVE_HZ, Sampler
from benchfleet.core import plugins

BLOCKS, READS = 60, 20
WINDOW_S = 20.0
GOAL_RATIO = 0.002
"""Of one core, all sensors at 10 Hz."""


def cost_us(read: Callable[[], None]) -> float:
    """CPU time of one call, averaged over a block."""
    start_ns = time.thread_time_ns()
    for _ in range(READS):
        read()
    return (time.thread_time_ns() - start_ns) / READS / 1e3


def main() -> None:
    """Measure and print one line."""
    env = live()
    drivers = plugins.load_all(sensors.PACKAGE, sensors.GROUP)
    found = {name: driver.probe(env) for name, driver in drivers.items()}
    held = {name: drivers[name].reader(env, listed) for name, listed in found.items() if listed}

    def reopening() -> None:
        for name in held:
            reader = drivers[name].reader(env, found[name])
            reader.read()
            reader.close()

    def reading() -> None:
        for reader in held.values():
            reader.read()

    pairs = [(cost_us(reopening), cost_us(reading)) for _ in range(BLOCKS)]
    opened_us, held_us = (statistics.median(column) for column in zip(*pairs, strict=True))
    ratio = statistics.median(opened / kept for opened, kept in pairs)
    count = sum(map(len, found.values()))
    share, with_waking, late = beside_a_measurement()
    verdict = "within" if share <= GOAL_RATIO else "ABOVE"
    print(
        f"sampler_cost: all {count} sensors read at once: {opened_us:.0f} us opening each file, {held_us:.0f} us held "
        f"open, ratio {ratio:.2f} (n={BLOCKS}), at {ACTIVE_HZ:.0f} Hz {opened_us * ACTIVE_HZ / 1e4:.3f} % and "
        f"{held_us * ACTIVE_HZ / 1e4:.3f} % of a core; the sampler as it runs: {share:.3%} of a core reading, "
        f"{verdict} the goal of {GOAL_RATIO:.1%}, {with_waking:.3%} with its thread's waking; "
        f"{late:.1%} of samples came late"
    )


def beside_a_measurement() -> tuple[float, float, float]:
    """The sampler as it runs while something is measured: CPU of reading, of the whole process, and late samples."""
    sampler = Sampler()
    sampler.active(True)
    sampler.start()
    start_ns, start_cpu_s = time.monotonic_ns(), time.process_time()
    time.sleep(WINDOW_S)
    end_ns, with_waking = time.monotonic_ns(), (time.process_time() - start_cpu_s) / WINDOW_S
    share, late = sampler.cpu_ratio(start_ns, end_ns), sampler.late_ratio(start_ns, end_ns)
    sampler.stop()
    assert share is not None
    assert late is not None
    return share, with_waking, late


if __name__ == "__main__":
    main()
