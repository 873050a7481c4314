"""Where compare, gate, report and export get their campaign: the controller, or an export in JSON."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from benchfleet.controller.client import FleetOptions
from benchfleet.core.errors import DocumentError

if TYPE_CHECKING:
    from benchfleet.controller.catalog import CampaignRecord
    from benchfleet.controller.comparison.past import Track
    from benchfleet.controller.costs.document import Prices

EXPORT_LIMIT_BYTES = 256 * 1024 * 1024
"""A campaign of ten thousand runs is about 60 MB; more is another file."""


def campaign_of(fleet: FleetOptions, campaign: str, prices: Prices | None = None) -> CampaignRecord:
    """The record of an id, an id's beginning, `latest`, or the path of an export ending in .json; with its costs."""
    record = _record(fleet, campaign)
    if prices is None:
        return record
    from benchfleet.controller.costs.apply import priced

    return priced(record, prices)


def _record(fleet: FleetOptions, campaign: str) -> CampaignRecord:
    if campaign.endswith(".json"):
        return _exported(Path(campaign))
    from benchfleet.controller.cli._records import fetch

    with fleet.connect() as session:
        return fetch(session, campaign)


def history_of(fleet: FleetOptions, campaign: str, record: CampaignRecord) -> tuple[Track, ...]:
    """The history of each cell of a campaign up to its own result; none for an export."""
    if campaign.endswith(".json"):
        return ()
    from benchfleet.controller.comparison.past import tracks, until
    from benchfleet.controller.comparison.ratio import LATENCY
    from benchfleet.controller.operator.history import fetch

    with fleet.connect() as session:
        return tracks(until(fetch(session, [LATENCY], campaign=record.id), record.id), LATENCY)


def _exported(path: Path) -> CampaignRecord:
    from benchfleet.controller.exporters.json import read

    try:
        with path.open("rb") as stream:
            payload = stream.read(EXPORT_LIMIT_BYTES + 1)
    except OSError as error:
        raise DocumentError(f"cannot read {path}: {error.strerror or error}") from error
    if len(payload) > EXPORT_LIMIT_BYTES:
        raise DocumentError(f"{path} is larger than {EXPORT_LIMIT_BYTES >> 20} MiB; is it an export?")
    try:
        return read(payload)
    except DocumentError as error:
        raise DocumentError(f"{path}: {error}") from error
