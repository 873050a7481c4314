"""The text of a document file: bounded and UTF-8, or one line that says what it is instead."""

from __future__ import annotations

from pathlib import Path

from benchfleet.controller.client.local_file import refuse_pipe
from benchfleet.controller.documents.load import DOCUMENT_BYTES_MAX
from benchfleet.core.errors import DocumentError


def read_document(path: Path, kind: str) -> str:
    """The text; DocumentError names the file, and asks whether it is a `kind` where it cannot be one."""
    refuse_pipe(path, kind)
    try:
        with path.open("rb") as stream:
            raw = stream.read(DOCUMENT_BYTES_MAX + 1)
        text = raw.decode("utf-8")
    except OSError as error:
        raise DocumentError(f"cannot read {kind} {path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise DocumentError(f"{path}: is not UTF-8 text; is it a {kind}?") from error
    if len(raw) > DOCUMENT_BYTES_MAX:
        raise DocumentError(f"{path}: larger than {DOCUMENT_BYTES_MAX >> 10} KiB; is it a {kind}?")
    return text
