"""What disturbed a round besides the scheduler of this thread: stops of the process, waits of its other threads.

A stopped process (SIGSTOP, a debugger, job control) neither waits nor computes, so only the signal that continues it
tells. The waits of an engine's worker threads are the second field of /proc/self/task/TID/schedstat, summed: a
diagnostic, since they overlap, and never taken off a latency. https://docs.kernel.org/scheduler/sched-stats.html
"""

import os
import signal
from typing import Any, Dict, Optional

TASKS = "/proc/self/task"


class Disturbance:
    """Counts from `begin` to `end`; must be made on the main thread, which signals are delivered to."""

    def __init__(self) -> None:
        self._stops = self._stops_before = 0
        self._waits_before_ns: Optional[int] = None
        signal.signal(signal.SIGCONT, self._continued)
        signal.siginterrupt(signal.SIGCONT, False)

    def _continued(self, number: int, frame: Any) -> None:
        self._stops += 1

    def begin(self) -> None:
        """Before a round."""
        self._stops_before = self._stops
        self._waits_before_ns = waits_ns()

    def end(self) -> Dict[str, Any]:
        """After it: how often the process was stopped, and what its threads waited in all (None: not told)."""
        now_ns = waits_ns()
        told = now_ns is not None and self._waits_before_ns is not None
        return {
            "stops": self._stops - self._stops_before,
            "tasks_wait_ns": max(0, now_ns - self._waits_before_ns) if told else None,  # type: ignore[operator]
        }


def waits_ns() -> Optional[int]:
    """Run-queue wait of all threads of this process that are alive."""
    total = None
    try:
        for task in os.listdir(TASKS):
            try:
                with open("%s/%s/schedstat" % (TASKS, task)) as file:
                    total = (total or 0) + int(file.read().split()[1])
            except (OSError, IndexError, ValueError):
                continue  # a thread that has just ended
    except OSError:
        pass  # not Linux
    return total
