"""What the runner does to its own process: die with the daemon, end at the deadline, keep quiet, tell its memory."""

import ctypes
import gc
import os
import resource
import signal
import time
from array import array
from typing import Dict, Optional

_PR_SET_PDEATHSIG, _PR_SET_TIMERSLACK, _PR_SET_NO_NEW_PRIVS = 1, 29, 38
FILE_BYTES_MAX = 4 * 1024**3
"""What a model may write into one file: a runaway cache must not fill the device."""


def harden(parent_pid: int, span_s: float) -> None:
    """Killed with the parent and at the deadline (even inside native code), no core file, no new privileges."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    libc.prctl(_PR_SET_TIMERSLACK, 1, 0, 0, 0)
    if os.getppid() != parent_pid:
        os._exit(1)  # the parent died before the death signal was set
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    if hard == resource.RLIM_INFINITY or hard > FILE_BYTES_MAX:
        resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_BYTES_MAX, FILE_BYTES_MAX))
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
    restart_peak()


def restart_peak() -> None:
    """Gives freed memory back and lets the peak count from here: what we made ready is not the model's."""
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except AttributeError:
        pass  # musl: what is free stays with the process
    try:
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")
    except OSError:
        pass  # not Linux, or not allowed: the peak then counts from the start of the process


_STATUS = {"VmRSS": "resident", "VmHWM": "peak", "RssAnon": "anonymous", "RssFile": "file"}


def memory_bytes() -> Dict[str, Optional[int]]:
    """Of /proc/self/status: resident now, its peak, and its anonymous and file-backed parts; None where unknown.

    https://docs.kernel.org/filesystems/proc.html. The peak is per address space and begins anew with exec, unlike
    ru_maxrss, which a child inherits from the process that started it.
    """
    found: Dict[str, Optional[int]] = dict.fromkeys(_STATUS.values())
    try:
        with open("/proc/self/status") as file:
            for line in file:
                name = _STATUS.get(line.partition(":")[0])
                if name is not None:
                    found[name] = int(line.split()[1]) * 1024
    except OSError:
        pass
    return found


class WaitMeter:
    """How long this thread waited for a CPU: second field of schedstat, by one pread of an open file.

    https://docs.kernel.org/scheduler/sched-stats.html. Must be made on the measuring thread.
    """

    def __init__(self, size: int) -> None:
        self.waits = array("q", bytes(8 * size))
        self._last_ns = 0
        self._handle: Optional[int] = None
        try:
            self._handle = os.open("/proc/thread-self/schedstat", os.O_RDONLY | os.O_CLOEXEC)
            self._last_ns = self._read()
        except (OSError, IndexError, ValueError):
            self._handle = None  # a kernel without CONFIG_SCHED_INFO

    @property
    def there(self) -> bool:
        """Whether the kernel tells."""
        return self._handle is not None

    def _read(self) -> int:
        assert self._handle is not None
        return int(os.pread(self._handle, 64, 0).split()[1])

    def close(self) -> None:
        """Lets go of the file."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def restart(self) -> None:
        """What was waited until now does not count."""
        self._last_ns = self._read() if self.there else 0

    def note(self, i: int) -> None:
        """The wait since the last note belongs to call i."""
        now_ns = self._read()
        self.waits[i] = now_ns - self._last_ns
        self._last_ns = now_ns

    def since_restart_ns(self, noted: int) -> Optional[int]:
        """All that was waited since `restart`, `noted` calls of it by `note`; None when the kernel does not tell."""
        return sum(self.waits[:noted]) + self._read() - self._last_ns if self.there else None


def thread_cpu_ns() -> int:
    """CPU time of this thread."""
    return time.thread_time_ns()
