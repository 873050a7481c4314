"""What a reading costs, driver by driver: on this host, and on the recorded boards of the tests.

Costs are CPU time of the reading thread per read of all of a driver's sensors, in alternating blocks with one bare
pread of a file that is held open, and told as a multiple of it too. On this host that includes the kernel, which makes
each text anew; a recorded board is plain files, so that it shows what the driver itself takes. Commands, networks and
libraries of a recording answer from memory: those of a device take milliseconds, and are marked slow.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

from benchfleet.agent import sensors
from benchfleet.agent.env import Env, live
from benchfleet.agent.env.replay import capture
from benchfleet.core import plugins

BLOCKS, READS = 15, 40
DEVICES = Path(__file__).parents[1] / "tests/fixtures/devices"


def cost_us(read: Callable[[], object]) -> float:
    """CPU time of one call, averaged over a block."""
    start_ns = time.thread_time_ns()
    for _ in range(READS):
        read()
    return (time.thread_time_ns() - start_ns) / READS / 1e3


def row(where: str, name: str, driver: ModuleType, env: Env, bare: Callable[[], object]) -> tuple[float, str] | None:
    """Multiple of a bare read, and a line; None where the driver finds nothing."""
    found = driver.probe(env)
    if not found:
        return None
    reader = driver.reader(env, found)
    reader.read()
    pairs = [(cost_us(reader.read), cost_us(bare)) for _ in range(BLOCKS)]
    reader.close()
    read_us = statistics.median(cost for cost, _ in pairs)
    ratio = statistics.median(cost / base for cost, base in pairs)
    files = len({path for sensor in found for path in sensor.paths})
    slow = " slow" if any(sensor.slow for sensor in found) else ""
    return ratio, (
        f"  {name:14} {len(found):4} sensors {files:4} files {read_us:8.1f} us a read "
        f"{read_us / len(found):6.2f} us a sensor {ratio:7.1f} x pread  {where}{slow}"
    )


def most(name: str, driver: ModuleType) -> tuple[str, Env] | None:
    """The recorded board of which a driver reads most, without errors: what fails is opened again at each reading."""
    best: tuple[int, str, Env] | None = None
    for folder in sorted(path for path in DEVICES.iterdir() if path.is_dir() and not (path / "errors.json").exists()):
        env = capture(folder)
        found = driver.probe(env)
        reader = driver.reader(env, found)
        count = sum(reading.value is not None for reading in reader.read()) if found else 0
        reader.close()
        if count > (best[0] if best else 0):
            best = count, folder.name, env
    return best[1:] if best else None


def main() -> None:
    """Measure and print, the headline last."""
    drivers = plugins.load_all(sensors.PACKAGE, sensors.GROUP)
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"12345\n")
        file.flush()
        rows = []
        for name, driver in drivers.items():
            rows.append(row("this host", name, driver, live(), lambda: os.pread(file.fileno(), 4096, 0)))
            if recorded := most(name, driver):
                rows.append(row(recorded[0], name, driver, recorded[1], lambda: os.pread(file.fileno(), 4096, 0)))
    kept = [each for each in rows if each is not None]
    for _, line in kept:
        sys.stdout.write(f"{line}\n")
    quick = [(ratio, line.split()[0]) for ratio, line in kept if not line.endswith("slow")]
    middle, dearest = statistics.median(ratio for ratio, _ in quick), max(quick)
    sys.stdout.write(
        f"sensor_cost: {len(drivers)} drivers; a read of all sensors of one is {middle:.0f} bare preads in the middle, "
        f"{dearest[0]:.0f} for the dearest ({dearest[1]}); n={BLOCKS} blocks\n"
    )


if __name__ == "__main__":
    main()
