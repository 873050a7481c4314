"""A call that may never come back: a read of sysfs can hang in the kernel, where no signal ends it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

PROBE_S = 10.0
"""For all a driver asks at first: a library that starts a driver takes seconds, one that hangs does not end."""

T = TypeVar("T")


class Gone(Exception):  # noqa: N818
    """It did not come back; its thread is left to end with the process."""


def within(call: Callable[[], T], deadline_s: float) -> T:
    """What the call returns or raises; Gone when that takes longer."""
    found: list[T] = []
    raised: list[BaseException] = []

    def run() -> None:
        try:
            found.append(call())
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=run, name="within", daemon=True)
    thread.start()
    thread.join(deadline_s)
    if raised:
        raise raised[0]
    if not found:
        raise Gone
    return found[0]
