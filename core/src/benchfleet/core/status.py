"""Errors on the wire: a canonical gRPC code with google.rpc.ErrorInfo; clients match its reason, never the text.

The servicer aborts with `code_of(error)`, the message and `trailing_metadata(error)`; the client calls `error_of`.
"""

from __future__ import annotations

from collections.abc import Iterable

from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status

from benchfleet.core.errors import (
    BenchfleetError,
    ConflictError,
    DocumentError,
    NoEvidenceError,
    NotFoundError,
    RefusedError,
    RunFailedError,
    StateError,
    UnreachableError,
    one_line,
)

DOMAIN = "benchfleet"
_METADATA_KEY = "grpc-status-details-bin"

_CODES: tuple[tuple[type[BenchfleetError], str], ...] = (
    (DocumentError, "INVALID_ARGUMENT"),
    (NotFoundError, "NOT_FOUND"),
    (ConflictError, "ALREADY_EXISTS"),
    (RefusedError, "PERMISSION_DENIED"),
    (StateError, "FAILED_PRECONDITION"),
    (NoEvidenceError, "FAILED_PRECONDITION"),
    (UnreachableError, "UNAVAILABLE"),
    (RunFailedError, "ABORTED"),
)

_NUMBERS = {
    "OK": 0, "CANCELLED": 1, "UNKNOWN": 2, "INVALID_ARGUMENT": 3, "DEADLINE_EXCEEDED": 4, "NOT_FOUND": 5,
    "ALREADY_EXISTS": 6, "PERMISSION_DENIED": 7, "RESOURCE_EXHAUSTED": 8, "FAILED_PRECONDITION": 9, "ABORTED": 10,
    "OUT_OF_RANGE": 11, "UNIMPLEMENTED": 12, "INTERNAL": 13, "UNAVAILABLE": 14, "DATA_LOSS": 15,
    "UNAUTHENTICATED": 16,
}  # fmt: skip


def code_of(error: BenchfleetError) -> str:
    """The canonical code's name for an error of ours: `getattr(grpc.StatusCode, code_of(e))`."""
    return next((code for kind, code in _CODES if isinstance(error, kind)), "UNKNOWN")


def trailing_metadata(error: BenchfleetError) -> tuple[tuple[str, bytes], ...]:
    """Metadata that carries the reason of an error."""
    info = AnyMessage()
    info.Pack(ErrorInfo(reason=error.reason, domain=DOMAIN))
    status = Status(code=_NUMBERS[code_of(error)], message=str(error), details=[info])
    return ((_METADATA_KEY, status.SerializeToString()),)


def error_of(
    code: str, message: str | None, metadata: Iterable[tuple[str, str | bytes]] | None, *, peer: str
) -> BenchfleetError:
    """The error of ours that a failed call stands for; `peer` is who was called, for the message."""
    reason = _reason(metadata)
    text = one_line(message or code)
    if code in ("UNAVAILABLE", "DEADLINE_EXCEEDED") and reason is None:
        return UnreachableError(f"{peer} does not answer ({text}); is `benchfleet serve` running there?")
    if code == "UNAUTHENTICATED":
        return RefusedError(text, reason=reason)
    for kind, its_code in _CODES:
        if code == its_code and (reason is None or kind.default_reason == reason):
            return kind(text, reason=reason)
    for kind, its_code in _CODES:
        if code == its_code:
            return kind(text, reason=reason)
    return BenchfleetError(f"{peer}: {text} ({code})", reason=reason)


def _reason(metadata: Iterable[tuple[str, str | bytes]] | None) -> str | None:
    for key, value in metadata or ():
        if key == _METADATA_KEY and isinstance(value, bytes):
            for detail in Status.FromString(value).details:
                info = ErrorInfo()
                if detail.Unpack(info) and info.domain == DOMAIN:
                    return str(info.reason)
    return None
