"""Several sessions side by side, a thread each, every one back to back: what a device does when it is kept busy.

All threads begin together behind a barrier and end with the first call that passes the span. Native runtimes let go of
the interpreter's lock while they compute; what Python itself takes between calls is shared by all threads.
"""

import threading
from array import array
from typing import Any, Callable, List, NamedTuple, Optional, Sequence

from benchfleet.agent.runner import process
from benchfleet.agent.runner.loop import closed_loop


class Streamed(NamedTuple):
    """Calls of all streams in order of their starts; waits are the mean of the threads'."""

    start_ns: int
    end_ns: int
    wall: "array[int]"
    begun: "array[int]"
    stream: "array[int]"
    cpu_ns: int
    wait_ns: Optional[int]


class _Stream:
    def __init__(self, run: Callable[[], None], room: int) -> None:
        self._run = run
        self.out = array("q", bytes(8 * room))
        self.calls = self.start_ns = self.end_ns = self.cpu_ns = 0
        self.wait_ns: Optional[int] = None
        self.error: Optional[BaseException] = None

    def work(self, barrier: threading.Barrier, calls_min: int, span_ns: int, cap_ns: int) -> None:
        try:
            meter = process.WaitMeter(0)  # of this thread
            barrier.wait()
            cpu = process.thread_cpu_ns()
            meter.restart()
            self.calls, self.start_ns, self.end_ns = closed_loop(self._run, self.out, calls_min, span_ns, cap_ns)
            self.wait_ns = meter.since_restart_ns(0)
            self.cpu_ns = process.thread_cpu_ns() - cpu
            meter.close()
        except BaseException as error:  # handed to the thread that asked
            self.error = error


def side_by_side(runs: Sequence[Callable[[], None]], calls_min: int, span_ns: int, cap_ns: int, room: int) -> Streamed:
    """One round of all streams; what a stream raises is raised here when all have ended."""
    held = [_Stream(run, room) for run in runs]
    barrier = threading.Barrier(len(held))
    each = max(1, calls_min // len(held))
    threads = [threading.Thread(target=s.work, args=(barrier, each, span_ns, cap_ns), daemon=True) for s in held]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for stream in held:
        if stream.error is not None:
            raise stream.error
    return _merge(held)


def _merge(held: List[Any]) -> Streamed:
    start_ns = min(s.start_ns for s in held)
    calls = []
    for k, stream in enumerate(held):
        at = stream.start_ns - start_ns
        for wall in stream.out[: stream.calls]:
            calls.append((at, k, wall))
            at += wall
    calls.sort()
    waits = [s.wait_ns for s in held]
    return Streamed(
        start_ns,
        max(s.end_ns for s in held),
        array("q", [wall for _, _, wall in calls]),
        array("q", [at for at, _, _ in calls]),
        array("q", [k for _, k, _ in calls]),
        sum(s.cpu_ns for s in held),
        None if None in waits else sum(waits) // len(held),
    )
