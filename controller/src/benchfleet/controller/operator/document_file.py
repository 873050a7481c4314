"""A campaign document from a file, checked here, so that its mistakes name the file and need no controller."""

from __future__ import annotations

from pathlib import Path

from benchfleet.controller.campaigns.document import parse_campaign
from benchfleet.controller.documents import read_document


def checked(path: Path) -> str:
    """The text of a document that is sound; DocumentError otherwise."""
    text = read_document(path, "campaign")
    parse_campaign(text, str(path))
    return text
