"""Models, data sets and devices of the catalogue from rows."""

from __future__ import annotations

import json
from collections.abc import Collection

from sqlalchemy import Connection, select

from benchfleet.controller.catalog import Dataset, Device, Model, ModelFile
from benchfleet.controller.store import tables as t
from benchfleet.core.inventory import Inventory
from benchfleet.core.runspec import Artifact


def models(connection: Connection) -> dict[str, Model]:
    """Every model by name, with its files."""
    files: dict[str, dict[str, ModelFile]] = {}
    for row in connection.execute(select(t.model_file)):
        artifact = Artifact(digest=row.digest, size_bytes=row.size_bytes)
        files.setdefault(row.model, {})[row.format] = ModelFile(
            format=row.format, artifact=artifact, facts=json.loads(row.facts_json)
        )
    return {
        row.name: Model(
            name=row.name, parent=row.parent or None, precision=row.precision or None, files=files.get(row.name, {})
        )
        for row in connection.execute(select(t.model).order_by(t.model.c.name))
    }


def datasets(connection: Connection) -> dict[str, Dataset]:
    """Every data set by name."""
    return {
        row.name: Dataset(
            name=row.name,
            artifact=Artifact(digest=row.digest, size_bytes=row.size_bytes),
            task=row.task,
            sample_count=row.sample_count,
        )
        for row in connection.execute(select(t.dataset).order_by(t.dataset.c.name))
    }


def devices(connection: Connection, online: Collection[str]) -> list[Device]:
    """Every device that has said hello."""
    found = []
    for row in connection.execute(select(t.device).order_by(t.device.c.name)):
        if not row.inventory_json:
            continue
        inventory = Inventory.from_json(json.loads(row.inventory_json))
        labels = {**inventory.labels, **json.loads(row.labels_json)}
        found.append(
            Device(
                name=row.name,
                inventory=inventory,
                labels=labels,
                online=row.name in online,
                admission=row.admission,
            )
        )
    return found
