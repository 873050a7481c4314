"""What /metrics and /sd need of the store, in as few rows as there are series."""

from __future__ import annotations

import json
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from benchfleet.controller.store import tables
from benchfleet.core import results
from benchfleet.core.errors import DocumentError

LATEST_RESULTS_MAX = 5_000
"""Cells shown in a scrape, the newest ones: bounds its size and its time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceFacts:
    """One enrolled device."""

    name: str
    admission: str
    labels: dict[str, str]
    board: str
    simulated: bool


def devices(db: Connection) -> list[DeviceFacts]:
    """Every device by name."""
    table = tables.device
    query = select(table.c.name, table.c.admission, table.c.labels_json, table.c.inventory_json).order_by(table.c.name)
    found = []
    for row in db.execute(query):
        about = json.loads(row.inventory_json or "{}")
        found.append(
            DeviceFacts(
                name=row.name,
                admission=row.admission,
                labels={str(k): str(v) for k, v in json.loads(row.labels_json or "{}").items()},
                board=str(about.get("board", "")),
                simulated=bool(about.get("simulated")),
            )
        )
    return found


def busy_devices(db: Connection) -> set[str]:
    """Devices that an attempt holds."""
    table = tables.attempt
    return set(db.execute(select(table.c.device).where(table.c.holds_device)).scalars())


def counts(db: Connection) -> dict[str, dict[str, int]]:
    """Runs by state, campaigns by state, accepted results by verdict."""
    by = {"run": tables.run.c.state, "campaign": tables.campaign.c.state, "result": tables.result.c.verdict}
    found: dict[str, dict[str, int]] = {}
    for name, column in by.items():
        query = select(column, func.count()).group_by(column)
        found[name] = {str(key): int(count) for key, count in db.execute(query)}
    return found


def latest_results(db: Connection) -> dict[tuple[str, str], results.Result]:
    """The newest accepted result of every device and cell."""
    result, run = tables.result, tables.run
    query = (
        select(run.c.device, run.c.cell_key, result.c.result_json, func.max(result.c.received_utc_s))
        .join(run, run.c.id == result.c.run)
        .where(result.c.disposition == "accepted")
        .group_by(run.c.device, run.c.cell_key)
        .order_by(func.max(result.c.received_utc_s).desc())
        .limit(LATEST_RESULTS_MAX)
    )
    found: dict[tuple[str, str], results.Result] = {}
    for row in db.execute(query):
        try:
            found[row.device, row.cell_key] = results.loads(row.result_json)
        except DocumentError:
            continue  # written by a newer controller: not ours to show
    return found
