"""A campaign document from a file, checked here, so that its mistakes name the file and need no controller."""

from __future__ import annotations

from pathlib import Path

from benchfleet.controller.campaigns.document import parse_campaign
from benchfleet.core.errors import DocumentError

BYTES_MAX = 256 * 1024


def checked(path: Path) -> str:
    """The text of a document that is sound; DocumentError otherwise."""
    try:
        with path.open("rb") as stream:
            raw = stream.read(BYTES_MAX + 1)
        text = raw.decode("utf-8")
    except OSError as error:
        raise DocumentError(f"{path}: cannot be read ({error.strerror or error})") from error
    except UnicodeDecodeError as error:
        raise DocumentError(f"{path}: is not UTF-8 text; is it a campaign?") from error
    if len(raw) > BYTES_MAX:
        raise DocumentError(f"{path}: larger than {BYTES_MAX >> 10} KiB; is it a campaign?")
    if not text.strip():
        raise DocumentError(f"{path}: the file is empty")
    parse_campaign(text, str(path))
    return text
