"""An engine that takes as long as a simulated board would: the real one computes, then the call waits.

The wait is real, so that everything from the timed call to the report sees the latency that the board would have; the
outputs, errors and crashes are the real runtime's. How long a call takes on this host is measured once per model and
setting, and kept for the life of the agent: the latency then depends on the board's clock and on nothing of this host.

Agent and runner share a folder. `clock.bin` holds the board's clock as a fraction of its highest (a double, from the
agent); `busy/*.bin`, one a session, says how long it has computed. The kernel keeps each, whoever dies; the lock that a
session holds on its file ends with its process.
"""

import fcntl
import hashlib
import json
import mmap
import os
import random
import signal
import struct
import time
from statistics import median
from typing import Any, Dict, List, NamedTuple, Optional

from benchfleet.agent.runner.contract import Options, RuntimeFault, Tensor

CLOCK_FILE, BUSY_FOLDER, LATENCY_FOLDER = "clock.bin", "busy", "latency"
CALIBRATION_CALLS, CALIBRATION_NS = 9, 300_000_000
FACTORS = 1024
"""Of jitter, again from the start at their end."""
SPIN_NS = 200_000
"""A sleep wakes up to 100 us late on a quiet host; the rest is spent looking at the clock."""
NEVER = 2**62
FULL = 1_000_000

_SLOT = struct.Struct("=qqqqq")
_SERIAL = struct.Struct("=q")
_CLOCK = struct.Struct("=d")


class Told(NamedTuple):
    """What a runner is told of the board, as it is in its spec."""

    folder: str
    board: str
    times: float
    jitter: float
    clock_share: float
    full_load_threads: int
    time_factor: float
    seed: int
    faults: List[Dict[str, Any]]


class Meter:
    """How long one session has computed, published in a file: written here, read by the agent.

    A sequence number that is odd while it is written, nanoseconds of the calls that have ended, when the last one
    began and when it ends (NEVER: not known yet), and which part of the board it fills, in millionths.
    """

    def __init__(self, folder: str, part: float) -> None:
        os.makedirs(folder, exist_ok=True)
        self._part = int(FULL * min(1.0, part))
        self._serial = self._base = self._began = self._ends = 0
        # Under another name until it is locked: a file without a lock is taken for one of the dead, and removed.
        name = os.path.join(folder, "%d-%d" % (os.getpid(), time.monotonic_ns()))
        self._handle = os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        os.ftruncate(self._handle, _SLOT.size)
        fcntl.flock(self._handle, fcntl.LOCK_EX)
        self._map = mmap.mmap(self._handle, _SLOT.size)
        os.rename(name, name + ".bin")

    def begin(self, now_ns: int) -> None:
        """A call begins."""
        self._base += self._ends - self._began
        self._began, self._ends = now_ns, NEVER
        self._write()

    def ends(self, at_ns: int) -> None:
        """It is known when the call ends."""
        self._ends = at_ns
        self._write()

    def _write(self) -> None:
        self._serial += 2
        _SERIAL.pack_into(self._map, 0, self._serial - 1)
        _SLOT.pack_into(self._map, 0, self._serial - 1, self._base, self._began, self._ends, self._part)
        _SERIAL.pack_into(self._map, 0, self._serial)

    def close(self) -> None:
        """Lets go of it."""
        self._map.close()
        os.close(self._handle)


def busy_ns(page: bytes, now_ns: int) -> Optional[float]:
    """What a meter's page says: nanoseconds computed until now, times the part; None for one half written."""
    serial, base, began, ends, part = _SLOT.unpack(page[: _SLOT.size])
    if serial % 2:
        return None
    return float((base + max(0, min(now_ns, ends) - began)) * part / FULL)


class Board:
    """What sessions have in common: the board's clock, its jitter, and what a call takes on this host."""

    def __init__(self, told: Dict[str, Any], launch: int) -> None:
        self.told = Told(**told)
        source = random.Random("%s %s" % (self.told.seed, launch))
        self.factors = [max(0.5, source.gauss(1.0, self.told.jitter)) for _ in range(FACTORS)]
        with open(os.path.join(self.told.folder, CLOCK_FILE), "rb") as file:
            self._clock = mmap.mmap(file.fileno(), _CLOCK.size, access=mmap.ACCESS_READ)

    def slower(self) -> float:
        """How many times longer than on this host a call takes at the clock of now."""
        speed = _CLOCK.unpack_from(self._clock, 0)[0]
        share = self.told.clock_share
        return float(self.told.times * (share / max(speed, 1e-3) + 1 - share))

    def after_calls(self, does: str) -> int:
        """From which call on the runner does something wrong."""
        return min((int(f["after_calls"]) for f in self.told.faults if f["does"] == does), default=NEVER)

    def kept_ns(self, key: str) -> Optional[float]:
        """What a call takes on this host, as it was measured before."""
        try:
            with open(self._kept(key)) as file:
                return float(json.load(file))
        except (OSError, ValueError, TypeError):
            return None

    def keep(self, key: str, host_ns: float) -> None:
        """For the launches to come; one that cannot be kept is measured again."""
        scratch = "%s.%d" % (self._kept(key), os.getpid())
        try:
            os.makedirs(os.path.dirname(scratch), exist_ok=True)
            with open(scratch, "w") as file:
                json.dump(host_ns, file)
            os.rename(scratch, self._kept(key))
        except OSError:
            pass

    def _kept(self, key: str) -> str:
        return os.path.join(self.told.folder, LATENCY_FOLDER, hashlib.sha256(key.encode()).hexdigest()[:24])


class Runtime:
    """A runtime on the board. What it tells of its own times is this host's, and is left out."""

    HIDDEN = ("profile",)

    def __init__(self, name: str, runtime: Any, told: Dict[str, Any], launch: int) -> None:
        self._name, self._runtime, self._board = name, runtime, Board(told, launch)

    def __getattr__(self, name: str) -> Any:
        if name in self.HIDDEN:
            raise AttributeError(name)
        return getattr(self._runtime, name)

    def load(self, path: str, options: Options) -> "Session":
        """Takes as much longer as a call does."""
        board = self._board
        meter = Meter(os.path.join(board.told.folder, BUSY_FOLDER), options.threads / board.told.full_load_threads)
        started = time.perf_counter_ns()
        meter.begin(started)
        session = self._runtime.load(path, options)
        ends = started + int((time.perf_counter_ns() - started) * board.slower())
        meter.ends(ends)
        _wait(ends)
        return Session(session, board, meter, "%s %s %s" % (self._name, _file(path), options))


class Session:
    """A loaded model; `run` lasts as long as it would on the board, what measuring that costs included."""

    def __init__(self, inner: Any, board: Board, meter: Meter, key: str) -> None:
        self._inner, self._board, self._meter, self._key = inner, board, meter, key
        self._host_ns = board.kept_ns(key)
        self._calls = 0
        self._crash_after = board.after_calls("crash_runner")
        self._hang_after = board.after_calls("hang_runner")
        self._nan_after = board.after_calls("nan_outputs")
        self.inputs = inner.inputs
        self.facts: Dict[str, Any] = dict(inner.facts)
        self.facts.update(
            simulated=True,
            simulated_board=board.told.board,
            simulated_times=board.told.times,
            simulated_time_factor=board.told.time_factor,
        )

    def prepare(self, feed: List[Tensor]) -> None:
        """As the runtime does."""
        self._inner.prepare(feed)

    def run(self) -> None:
        """One inference, and the rest of the time that it would take."""
        clock = time.perf_counter_ns
        started = clock()
        self._meter.begin(started)
        self._calls += 1
        if self._calls >= self._crash_after:
            os.kill(os.getpid(), signal.SIGSEGV)
        while self._calls >= self._hang_after:
            time.sleep(60)
        self._inner.run()
        factor = self._board.slower() * self._board.factors[self._calls % FACTORS]
        host_ns = clock() - started if self._host_ns is None else self._host_ns
        ends = max(started + int(host_ns * factor), clock())
        self._meter.ends(ends)
        _wait(ends)

    def outputs(self) -> List[Tensor]:
        """The real ones; after the first call the host's own time is measured, outside of what is timed."""
        found: List[Tensor] = self._inner.outputs()
        if self._host_ns is None:
            self._host_ns = self._measured_ns()
            self._board.keep(self._key, self._host_ns)
        self.facts["simulated_host_latency_us"] = self._host_ns / 1e3
        if self._calls >= self._nan_after:
            found = [_spoilt(tensor) for tensor in found]
        return found

    def _measured_ns(self) -> float:
        clock = time.perf_counter_ns
        spent: List[int] = []
        while len(spent) < CALIBRATION_CALLS and (len(spent) < 3 or sum(spent) < CALIBRATION_NS):
            before = clock()
            self._inner.run()
            spent.append(clock() - before)
        return float(median(spent))

    def close(self) -> None:
        """As the runtime does."""
        self._meter.close()
        self._inner.close()


def _wait(until_ns: int) -> None:
    left_ns = until_ns - time.perf_counter_ns()
    if left_ns > 2 * SPIN_NS:
        time.sleep((left_ns - SPIN_NS) / 1e9)
    while time.perf_counter_ns() < until_ns:
        pass


def _file(path: str) -> str:
    try:
        about = os.stat(path)
    except OSError:
        return path
    return "%s %d %d" % (path, about.st_size, about.st_mtime_ns)


def _spoilt(tensor: Tensor) -> Tensor:
    """Not numbers, where the type has such."""
    size = {"float32": 4, "float16": 2, "float64": 8}.get(tensor.dtype)
    if size is None:
        return tensor
    nan = {4: struct.pack("<f", float("nan")), 2: b"\x00\x7e", 8: struct.pack("<d", float("nan"))}[size]
    return tensor._replace(data=nan * (len(tensor.data) // size))


def on_board(name: str, runtime: Any, spec: Dict[str, Any]) -> Any:
    """The runtime as it is, or on the simulated board that the spec tells of."""
    told = spec.get("simulated")
    if not told:
        return runtime
    try:
        return Runtime(name, runtime, told, int(spec.get("launch", 0)))
    except OSError as error:
        raise RuntimeFault("exception", "the simulated board is gone: %s" % error) from error
