"""What the runner does to its own process: die with the daemon, end at the deadline, keep quiet, tell its memory."""

import ctypes
import gc
import os
import resource
import signal
import time
from typing import Dict, Optional, Tuple

_PR_SET_PDEATHSIG, _PR_SET_TIMERSLACK, _PR_SET_NO_NEW_PRIVS = 1, 29, 38


def harden(parent_pid: int, span_s: float) -> None:
    """Killed with the parent and at the deadline (even inside native code), no core file, no new privileges."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    libc.prctl(_PR_SET_TIMERSLACK, 1, 0, 0, 0)
    if os.getppid() != parent_pid:
        os._exit(1)  # the parent died before the death signal was set
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    alarm_in(span_s)


def alarm_in(span_s: float) -> None:
    """(Re)sets the alarm that ends this process: SIGALRM with its default action."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, max(0.001, min(span_s, 86_400.0)))


def settle() -> None:
    """No garbage collection while measuring; the peak of memory counts from here."""
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")
    except OSError:
        pass  # not Linux, or not allowed: the peak then counts from the start of the process


def memory_bytes() -> Tuple[Optional[int], Optional[int]]:
    """(resident now, peak) from /proc/self/status; None where the kernel does not tell."""
    found: Dict[str, int] = {}
    try:
        with open("/proc/self/status") as file:
            for line in file:
                if line.startswith(("VmRSS:", "VmHWM:")):
                    found[line[:5]] = int(line.split()[1]) * 1024
    except OSError:
        pass
    return found.get("VmRSS"), found.get("VmHWM")


def runq_wait_ns() -> Optional[int]:
    """Time this thread waited for a CPU so far (second field of schedstat)."""
    try:
        with open("/proc/thread-self/schedstat") as file:
            return int(file.read().split()[1])
    except (OSError, IndexError, ValueError):
        return None


def thread_cpu_ns() -> int:
    """CPU time of this thread."""
    return time.thread_time_ns()
