"""Exporters: one file, one format. `write(results, stream)` writes every run of a campaign to a binary stream.

Contract of an exporter module: `MEDIA_TYPE: str` and `write(results: CampaignRecord, stream: BinaryIO) -> None`.
Runs without a result are written too, with their state and reason. Output is UTF-8 and repeatable.
"""

from __future__ import annotations

from typing import BinaryIO, Protocol

from benchfleet.controller.catalog import CampaignRecord

PACKAGE = "benchfleet.controller.exporters"
GROUP = "benchfleet.exporters"


class Exporter(Protocol):
    """The module interface."""

    MEDIA_TYPE: str

    def write(self, results: CampaignRecord, stream: BinaryIO) -> None:
        """Writes every run; leaves the stream open."""
