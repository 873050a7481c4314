"""No engine at all: measures the harness itself, and misbehaves on demand. Its results say that they are not real.

Options: latency_us (busy wait per call), fail (segfault, abort, killed, exit, exception, hang, stubborn, flood, orphan,
garbage, oom, nan), fail_after (calls before it fails, default 5).
"""

import os
import signal
import stat
import struct
import sys
import time
from typing import Any, Dict, List

from benchfleet.agent.runner.contract import Availability, Available, Options, Tensor, TensorSpec

FORMATS = ("onnx", "tflite")
OPTIONS = ("latency_us", "fail", "fail_after")


def probe() -> Availability:
    """Always there."""
    return Available("1", FORMATS, ("null",))


def load(path: str, options: Options) -> "Session":
    """The file is not read."""
    return Session(options)


class Session:
    """One input [batch, 4], one output [batch, 4]."""

    def __init__(self, options: Options) -> None:
        self.inputs = [TensorSpec("x", "float32", (None, 4))]
        self.facts: Dict[str, Any] = {"simulated": True, "providers": ["null"], "threads": options.threads}
        self._batch = options.batch
        self._wait_ns = int(float(options.extra.get("latency_us", 0)) * 1000)
        self._fail = str(options.extra.get("fail", ""))
        self._left = int(options.extra.get("fail_after", 5))

    def prepare(self, feed: List[Tensor]) -> None:
        """Nothing to bind."""

    def run(self) -> None:
        """Waits as told, then does what it was told to do wrong."""
        if self._wait_ns:
            until = time.perf_counter_ns() + self._wait_ns
            while time.perf_counter_ns() < until:
                pass
        if self._fail:
            self._left -= 1
            if self._left <= 0:
                self._misbehave()

    def _misbehave(self) -> None:
        if self._fail == "segfault":
            os.kill(os.getpid(), signal.SIGSEGV)
        elif self._fail == "abort":
            os.abort()
        elif self._fail == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        elif self._fail == "exit":
            os._exit(3)
        elif self._fail == "exception":
            raise ValueError("made to fail")
        elif self._fail in ("hang", "stubborn"):
            if self._fail == "stubborn":
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
            while True:
                time.sleep(60)
        elif self._fail == "orphan":
            self._leave_orphan()
        elif self._fail == "garbage":
            self._write_garbage()
        elif self._fail == "flood":
            sys.stderr.write("flood " * 20_000)
        elif self._fail == "oom":
            raise MemoryError

    def _leave_orphan(self) -> None:
        """A process in a session of its own that holds every pipe open for a while; then the end."""
        if os.fork() == 0:
            os.setsid()
            time.sleep(30)
            os._exit(0)
        os._exit(4)

    def _write_garbage(self) -> None:
        """Into every pipe there is, so into the one of the events too."""
        for handle in sorted(int(name) for name in os.listdir("/proc/self/fd") if int(name) > 2):
            try:
                if stat.S_ISFIFO(os.fstat(handle).st_mode):
                    os.write(handle, b'{"event": 7\n[]\n')
            except OSError:
                continue

    def outputs(self) -> List[Tensor]:
        """Zeros, or NaN when told so, from the call that fails on."""
        value = float("nan") if self._fail == "nan" and self._left <= 0 else 0.0
        return [
            Tensor(
                "y", "float32", (self._batch, 4), struct.pack("<%df" % (4 * self._batch), *[value] * 4 * self._batch)
            )
        ]

    def close(self) -> None:
        """Nothing to release."""
