"""The error tree, with the exit code and the wire reason of each branch.

    BenchfleetError
    ├── DocumentError      bad file, option or document of the user          exit 2   INVALID_DOCUMENT
    ├── NotFoundError      a name that nothing answers to                    exit 2   NOT_FOUND
    ├── ConflictError      the name is taken by something else               exit 2   ALREADY_EXISTS
    ├── NoEvidenceError    the measurement does not carry a verdict          exit 3   NO_EVIDENCE
    ├── UnreachableError   controller or device does not answer              exit 4   UNREACHABLE
    ├── RunFailedError     the model or its runtime failed on the device     exit 5   RUN_FAILED
    ├── RefusedError       identity, role, token or certificate refused      exit 6   REFUSED
    └── StateError         state folder, spool or cache unusable             exit 2   STATE_UNUSABLE

A message says what failed, on what, and what to do, in one line.
"""

from __future__ import annotations

from typing import ClassVar

EXIT_OK = 0
EXIT_GATE_FAILED = 1
EXIT_USAGE = 2
EXIT_NO_EVIDENCE = 3
EXIT_UNREACHABLE = 4
EXIT_RUN_FAILED = 5
EXIT_REFUSED = 6


class BenchfleetError(Exception):
    """Whatever we raise on purpose. `reason` is the CAPS word that clients match on."""

    exit_code: ClassVar[int] = EXIT_USAGE
    default_reason: ClassVar[str] = "BENCHFLEET"

    def __init__(self, message: str, *, reason: str | None = None) -> None:
        super().__init__(one_line(message))
        self.reason = reason or self.default_reason


class DocumentError(BenchfleetError):
    """A file, option or document of the user is wrong."""

    default_reason = "INVALID_DOCUMENT"


class NotFoundError(BenchfleetError):
    """A name or id that nothing answers to."""

    default_reason = "NOT_FOUND"


class ConflictError(BenchfleetError):
    """A name or key that is already taken by something else."""

    default_reason = "ALREADY_EXISTS"


class StateError(BenchfleetError):
    """A state folder, spool, cache or data base cannot be used."""

    default_reason = "STATE_UNUSABLE"


class NoEvidenceError(BenchfleetError):
    """A measurement that does not carry the statement asked of it."""

    exit_code = EXIT_NO_EVIDENCE
    default_reason = "NO_EVIDENCE"


class UnreachableError(BenchfleetError):
    """A controller or device that does not answer."""

    exit_code = EXIT_UNREACHABLE
    default_reason = "UNREACHABLE"


class RunFailedError(BenchfleetError):
    """The model or its runtime failed on the device."""

    exit_code = EXIT_RUN_FAILED
    default_reason = "RUN_FAILED"


class RefusedError(BenchfleetError):
    """Identity, role, token or certificate refused."""

    exit_code = EXIT_REFUSED
    default_reason = "REFUSED"


def one_line(text: str, *, limit: int = 2000) -> str:
    """`text` without control characters and line breaks, fit for a terminal and a log."""
    clean = "".join(c if c.isprintable() else " " for c in text.replace("\n", " "))
    clean = clean.encode("utf-8", "replace").decode("utf-8")
    return clean if len(clean) <= limit else clean[: limit - 1] + "…"
