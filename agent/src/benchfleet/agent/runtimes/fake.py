"""An engine that takes as long as it is told and fails as it is told: what proves that a flag is raised.

It spends the time (busy, or asleep with `wait`: sleep), so that everything from the timed call to the report sees it as
it would a model. Its results say that they are simulated. `null` beside it takes no time and measures the harness.

    benchfleet-agent bench any.onnx --runtime fake --option trace=bimodal --option latency_us=2000 --option slow=1.4

Options
    trace         constant, ar1, bimodal, stall, drift, step, file
    latency_us    of a call (1000)
    noise         relative deviation of calls (0.005); of ar1 the stationary one
    phi           ar1: correlation of neighbouring calls (0.9)
    slow          bimodal, step, drift: how many times slower (1.5); drift: after `every_s`
    every_s       bimodal: length of a mode; stall: from one to the next; drift: time to become `slow`; step: when (1.0)
    stall_ms      stall: added to the call (100)
    file          file: one latency in microseconds a line, again from the start at its end
    launch_noise  relative deviation of a whole process (0)
    wait          spin, sleep
    load_s        how long loading takes (0)
    seed          of all that is random (0); processes of one run differ
    nan_after     from this call on outputs are NaN
    unstable      true: each call gives another output
    crash_after   the process ends by SIGSEGV in this call; hang_after: this call never returns
"""

import math
import os
import random
import signal
import struct
import time
from typing import Any, Callable, Dict, Iterator, List

from benchfleet.agent.runner.contract import Availability, Available, Options, RuntimeFault, Tensor, TensorSpec

FORMATS = ("onnx", "tflite")
OPTIONS = (
    "trace", "latency_us", "noise", "phi", "slow", "every_s", "stall_ms", "file", "launch_noise", "wait", "load_s",
    "seed", "nan_after", "unstable", "crash_after", "hang_after",
)  # fmt: skip
NEVER = 2**63
EVERY_MIN_S = 1e-3
FILE_LINES_MAX = 1_000_000


def probe() -> Availability:
    """Always there."""
    return Available("1", FORMATS, ("fake",))


def load(path: str, options: Options) -> "Session":
    """The file is not read."""
    session = Session(options)
    time.sleep(_number(options.extra, "load_s", 0.0))
    return session


class Session:
    """One input [batch, 4], one output [batch, 4]."""

    def __init__(self, options: Options) -> None:
        told = options.extra
        self.inputs = [TensorSpec("x", "float32", (None, 4))]
        self.facts: Dict[str, Any] = {
            "simulated": True, "providers": ["fake"], "threads": options.threads, "told": dict(told),
        }  # fmt: skip
        self._batch, self._calls = options.batch, 0
        source = random.Random("%s %s" % (told.get("seed", 0), os.getpid()))
        self._factor = max(0.1, source.gauss(1.0, _number(told, "launch_noise", 0.0)))
        self._next_us = _trace(told, source)
        self._wait = _waiting(str(told.get("wait", "spin")))
        self._nan_after = int(_number(told, "nan_after", NEVER))
        self._crash_after = int(_number(told, "crash_after", NEVER))
        self._hang_after = int(_number(told, "hang_after", NEVER))
        self._unstable = bool(told.get("unstable", False))

    def prepare(self, feed: List[Tensor]) -> None:
        """Nothing to bind."""

    def run(self) -> None:
        """Takes the time of the trace, what choosing it cost included."""
        started_ns = time.perf_counter_ns()
        self._calls += 1
        if self._calls >= self._crash_after:
            os.kill(os.getpid(), signal.SIGSEGV)
        while self._calls >= self._hang_after:
            time.sleep(60)
        self._wait(started_ns + int(next(self._next_us) * self._factor * 1e3))

    def outputs(self) -> List[Tensor]:
        """The batch's numbers; NaN or different ones when told so."""
        value = float(self._calls % 1000) if self._unstable else 1.0
        if self._calls >= self._nan_after:
            value = float("nan")
        numbers = [value * (i % 4) for i in range(4 * self._batch)]
        return [Tensor("y", "float32", (self._batch, 4), struct.pack("<%df" % len(numbers), *numbers))]

    def close(self) -> None:
        """Nothing to release."""


def _number(told: Dict[str, Any], name: str, default: float, least: float = 0.0) -> float:
    """An option that is a number; RuntimeFault for anything else."""
    value = told.get(name, default)
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number) or number < least:
        raise RuntimeFault("unsupported_option", "fake: %s is a number of at least %g, not %r" % (name, least, value))
    return number


def _waiting(how: str) -> Callable[[int], None]:
    """A wait until a time of perf_counter_ns."""

    def spin(until_ns: int) -> None:
        while time.perf_counter_ns() < until_ns:
            pass

    def sleep(until_ns: int) -> None:
        time.sleep(max(0, until_ns - time.perf_counter_ns()) / 1e9)

    known = {"spin": spin, "sleep": sleep}
    if how not in known:
        raise RuntimeFault("unsupported_option", "fake: wait is %r; it is one of: %s" % (how, ", ".join(known)))
    return known[how]


def _trace(told: Dict[str, Any], source: random.Random) -> Iterator[float]:
    """Microseconds of call after call."""
    base, noise = _number(told, "latency_us", 1000.0), _number(told, "noise", 0.005)
    slow, every_s = _number(told, "slow", 1.5), _number(told, "every_s", 1.0, EVERY_MIN_S)
    phi, stall_us = _number(told, "phi", 0.9), _number(told, "stall_ms", 100.0) * 1e3
    started = time.monotonic()

    def age_s() -> float:
        return time.monotonic() - started

    def jitter() -> float:
        return base * source.gauss(1.0, noise)

    def ar1() -> Iterator[float]:
        level, step = source.gauss(0.0, 1.0), math.sqrt(max(0.0, 1.0 - phi * phi))
        while True:
            yield base * math.exp(noise * level)
            level = phi * level + step * source.gauss(0.0, 1.0)

    def stall() -> Iterator[float]:
        due_s = every_s
        while True:
            late = age_s() >= due_s
            due_s += every_s if late else 0.0
            yield jitter() + (stall_us if late else 0.0)

    def scaled(factor: Callable[[], float]) -> Iterator[float]:
        while True:
            yield jitter() * factor()

    known: Dict[str, Callable[[], Iterator[float]]] = {
        "constant": lambda: scaled(lambda: 1.0),
        "ar1": ar1,
        "bimodal": lambda: scaled(lambda: slow if int(age_s() / every_s) % 2 else 1.0),
        "stall": stall,
        "drift": lambda: scaled(lambda: 1.0 + (slow - 1.0) * age_s() / every_s),
        "step": lambda: scaled(lambda: slow if age_s() >= every_s else 1.0),
        "file": lambda: _replay(str(told.get("file", ""))),
    }
    name = str(told.get("trace", "constant"))
    if name not in known:
        raise RuntimeFault("unsupported_option", "fake: trace is %r; it is one of: %s" % (name, ", ".join(known)))
    return known[name]()


def _replay(path: str) -> Iterator[float]:
    """A file's latencies, round and round."""
    try:
        with open(path) as file:
            held = [float(line) for line in file.readlines(32 * FILE_LINES_MAX)[:FILE_LINES_MAX] if line.strip()]
    except (OSError, ValueError) as error:
        raise RuntimeFault("unsupported_option", "fake: file %r cannot be replayed: %s" % (path, error)) from error
    if not held or min(held) < 0 or not all(map(math.isfinite, held)):
        raise RuntimeFault("unsupported_option", "fake: file %r needs one latency in microseconds a line" % path)

    def again() -> Iterator[float]:
        while True:
            yield from held

    return again()
