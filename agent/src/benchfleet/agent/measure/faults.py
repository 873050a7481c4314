"""What a runner's failure means in plain text: no colours of a vendor's logger, and lack of memory by its own name.

A library that finds no memory raises an error of its own, or lets std::bad_alloc end the process: either way it is not
the model that is wrong, and a smaller batch or another device would do.
"""

from __future__ import annotations

import re

_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[ -/]*[0-~])")
"""CSI and OSC sequences and single escapes: ECMA-48, 5.3 to 5.6."""

_OUT_OF_MEMORY = re.compile(
    r"failed to allocate memory|bad_alloc|cannot allocate memory|out of memory|cuda_error_out_of_memory"
    r"|smaller than requested bytes|memory allocation failed|unable to allocate|failed to allocate \d+ bytes",
    re.IGNORECASE,
)
"""ONNX Runtime (bfc_arena.cc), libstdc++, strerror(ENOMEM), CUDA and TFLite, numpy."""

_CRASHED = ("runner_signal", "exit")
_LAST_WORDS = 2000
"""Characters at the end of what a process wrote that can say why it ended."""


def plain(text: str) -> str:
    """Text without escape sequences of a terminal."""
    return _ANSI.sub("", text)


def reason_of(reason: str, detail: str, stderr_tail: str) -> str:
    """`oom` where the library says that memory ran out, else the reason as it was."""
    said = f"{detail}\n{stderr_tail[-_LAST_WORDS:]}" if reason in _CRASHED else detail
    return "oom" if reason not in ("placement", "timeout") and _OUT_OF_MEMORY.search(said) else reason
