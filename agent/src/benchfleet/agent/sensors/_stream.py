"""The newest line of a program that prints for ever: one process, started at the first reading, ended at the close."""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import time
from collections.abc import Sequence

HELD_BYTES = 64 * 1024
"""Of what was not read: as much as a pipe holds. The program waits when it is full, so what lies there may be old."""
RESTART_S = 10.0
END_S = 0.2


class Lines:
    """`newest` waits for a line that is written from now on."""

    def __init__(self, argv: Sequence[str]) -> None:
        self._argv = list(argv)
        self._process: subprocess.Popen[bytes] | None = None
        self._restart_s = 0.0

    def newest(self, timeout_s: float) -> str:
        """OSError where the program is not there or has ended, TimeoutError when it wrote nothing in time."""
        process = self._running()
        assert process.stdout is not None
        try:
            return next_line(process.stdout.fileno(), timeout_s)
        except EOFError:
            raise OSError(f"{self._argv[0]} ended with code {self._ended()}") from None
        except TimeoutError:
            raise TimeoutError(f"{self._argv[0]} wrote no line within {timeout_s:g} s") from None

    def close(self) -> None:
        """Ends the program."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is not None:
            return self._process
        if time.monotonic() < self._restart_s:
            raise OSError(f"{self._argv[0]} ended; it is started again in {RESTART_S:g} s")
        self._restart_s = time.monotonic() + RESTART_S
        environment = {**os.environ, "LC_ALL": "C"}
        self._process = subprocess.Popen(
            self._argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
        )
        return self._process

    def _ended(self) -> int | None:
        """Its exit code, where it is over and has not only closed its output."""
        process = self._process
        with contextlib.suppress(subprocess.TimeoutExpired):
            if process is not None:
                process.wait(timeout=END_S)
        self.close()
        return process.returncode if process is not None else None


def next_line(handle: int, timeout_s: float) -> str:
    """The first whole line that is written from now on, or a later one; EOFError, TimeoutError."""
    poll = select.poll()  # select(2) refuses descriptors above 1023
    poll.register(handle, select.POLLIN | select.POLLHUP)
    old = os.read(handle, HELD_BYTES) if poll.poll(0) else b""
    wanted = 2 if old and not old.endswith(b"\n") else 1  # the rest of half a line is no line
    text, end_s = b"", time.monotonic() + timeout_s
    while (left_s := end_s - time.monotonic()) > 0 and poll.poll(left_s * 1000):
        chunk = os.read(handle, HELD_BYTES)
        if not chunk:
            raise EOFError
        text = (text + chunk)[-HELD_BYTES:]
        if text.count(b"\n") >= wanted:
            return text[: text.rindex(b"\n")].rsplit(b"\n", 1)[-1].decode(errors="replace")
    raise TimeoutError
