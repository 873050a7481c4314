"""Runs a command that ends when its parent does: `python -m benchfleet.controller.demo.tied PARENT_PID COMMAND...`

The kernel sends SIGTERM to this process when its parent dies, whatever killed it, and the request outlives exec
(prctl(2), PR_SET_PDEATHSIG). Where there is no prctl the command runs untied: its parent still ends it on every
exit that it can see.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    """Ties this process to the parent named first, then becomes the command; never returns."""
    parent, command = int(arguments[0]), arguments[1:]
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() != parent:  # it died before we asked
            sys.exit(1)
    os.execv(command[0], command)


if __name__ == "__main__":
    main(sys.argv[1:])
