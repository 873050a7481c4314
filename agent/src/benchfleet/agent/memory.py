"""Gives free memory back to the system: an agent that waits holds what it uses, not what it once used."""

from __future__ import annotations

import contextlib
import gc


def trim() -> None:
    """Frees what is unreachable, and unmaps what the C library keeps for the next allocation (glibc, malloc_trim(3)).

    Takes milliseconds: not while something is measured.
    """
    import ctypes

    gc.collect()
    with contextlib.suppress(AttributeError):  # other C libraries keep less, and have no such call
        ctypes.CDLL(None).malloc_trim(0)
