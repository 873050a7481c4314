"""The very run again: its spec to the byte, as a campaign of one run on the same device.

Refused when the device is gone or cannot run it any more, and when an artifact is not stored; what has changed on the
device since is named, because the new number will be of that.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, insert, select

from benchfleet.controller import audit
from benchfleet.controller.blobs import BlobStore
from benchfleet.controller.campaigns import fitting
from benchfleet.controller.campaigns.engine import Engine
from benchfleet.controller.store import tables as t
from benchfleet.core import results, wire
from benchfleet.core.errors import ConflictError, DocumentError, NotFoundError, UnreachableError
from benchfleet.core.inventory import Inventory
from benchfleet.core.runspec import RunSpec
from benchfleet.v1 import campaign_pb2 as pb
from benchfleet.v1 import run_pb2

NAME_MAX = 63


async def replay(engine: Engine, blobs: BlobStore, run_id: str, key: str, *, actor: str) -> tuple[str, list[pb.Change]]:
    """The id of the campaign, and what changed on the device; the same key again is the same campaign."""
    past = await engine.store.read(lambda c: _past(c, run_id))
    spec = wire.runspec_from_wire(run_pb2.RunSpec.FromString(past.spec))
    digest = hashlib.sha256(f"replay {past.id}".encode()).hexdigest()
    held = await engine.store.read(lambda c: _held(c, key, digest))
    inventory = await engine.store.read(lambda c: _inventory(c, past.device))
    changes = list(_changes(past.result, spec, inventory)) if inventory is not None else []
    if held is not None:
        return held, changes
    if past.device not in engine.sessions.online() or inventory is None:
        raise UnreachableError(
            f"run {past.id}: its device {past.device} is not connected; start its agent, then replay", reason="GONE"
        )
    _check_runtime(past, spec, inventory)
    if why := fitting.unset(spec.power_mode, inventory, past.device):
        raise DocumentError(f"run {past.id}: {why}")
    for what, artifact in _artifacts(spec):
        if blobs.size_of(artifact) is None:
            raise NotFoundError(f"run {past.id}: its {what} ({artifact[:12]}) is not stored any more; push it again")
    now = engine.clock.utc()
    made = {
        "id": f"c-{now:%Y%m%d}-{secrets.token_hex(4)}",
        "name": f"replay-{past.id}"[:NAME_MAX],
        "state": "queued",
        "spec_digest": digest,
        "idempotency_key": key,
        "document_yaml": f"# replay of {past.id}: that one run of this document, spec and seed unchanged\n"
        + past.document_yaml,
        "baseline_model": past.baseline_model,
        "created_by": actor,
        "created_utc_s": now.timestamp(),
    }
    campaign_id = await engine.store.write(lambda c: _create(c, past, made))
    engine.wake()
    return campaign_id, changes


def _past(connection: Connection, text: str) -> Any:
    """The row of a run by id or unique beginning, with its campaign, its accepted result and the device's standing."""
    query = (
        select(
            t.run.c.id, t.run.c.device, t.run.c.cell_key, t.run.c.spec, t.run.c.cell, t.run.c.max_attempts,
            t.campaign.c.document_yaml, t.campaign.c.baseline_model, t.device.c.admission,
            t.result.c.result_json.label("result"),
        )
        .join(t.campaign, t.campaign.c.id == t.run.c.campaign)
        .join(t.device, t.device.c.name == t.run.c.device, isouter=True)
        .join(t.result, (t.result.c.run == t.run.c.id) & (t.result.c.disposition == "accepted"), isouter=True)
        .where(t.run.c.id.startswith(text, autoescape=True) if text else t.run.c.id == "")
        .limit(2)
    )  # fmt: skip
    found = connection.execute(query).all()
    exact = [row for row in found if row.id == text] or found
    if len(exact) != 1:
        many = "several runs begin so" if found else "no such run"
        raise NotFoundError(f"run {text[:64]!r}: {many}; `benchfleet results ID --json` lists the runs of a campaign")
    (past,) = exact
    if past.admission != "open":
        raise UnreachableError(
            f"run {past.id}: its device {past.device} is {past.admission or 'gone'} and takes no runs", reason="GONE"
        )
    return past


def _held(connection: Connection, key: str, digest: str) -> str | None:
    row = connection.execute(select(t.campaign).where(t.campaign.c.idempotency_key == key)).one_or_none()
    if row is None:
        return None
    if row.spec_digest != digest:
        raise ConflictError(f"this key belongs to campaign {row.id}, made of something else; use a new key")
    return str(row.id)


def _inventory(connection: Connection, device: str) -> Inventory | None:
    text = connection.execute(select(t.device.c.inventory_json).where(t.device.c.name == device)).scalar_one_or_none()
    return Inventory.from_json(json.loads(text)) if text else None


def _check_runtime(past: Any, spec: RunSpec, inventory: Inventory) -> None:
    facts = inventory.runtime(spec.runtime)
    if facts is None or not facts.available:
        why = f": {facts.reason}" if facts is not None and facts.reason else ""
        raise NotFoundError(f"run {past.id}: {spec.runtime} is not available on {past.device} any more{why}")


def _artifacts(spec: RunSpec) -> Iterator[tuple[str, str]]:
    yield f"model {spec.model.name}", spec.model.artifact.digest
    if spec.baseline is not None:
        yield f"baseline {spec.baseline.name}", spec.baseline.artifact.digest
    if spec.dataset is not None:
        yield f"data set {spec.dataset_name or ''}".strip(), spec.dataset.digest


def _changes(payload: bytes | None, spec: RunSpec, inventory: Inventory) -> Iterator[pb.Change]:
    """Versions and hardware that the result names and that are others now; what it does not name is unknown."""
    try:
        provenance = results.loads(payload).provenance if payload else {}
    except DocumentError:
        return
    device, runtime = provenance.get("device"), provenance.get("runtime")
    facts = inventory.runtime(spec.runtime)
    pairs = (
        ("agent_version", provenance.get("agent_version"), inventory.agent_version),
        ("runtime_version", _of(runtime, "version"), facts.version if facts is not None else None),
        *((name, _of(device, name), getattr(inventory, name)) for name in ("kernel", "board", "cpu_model", "os")),
    )
    for name, before, now in pairs:
        if before and now and str(before) != str(now):
            yield pb.Change(field=name, before=str(before), now=str(now))


def _of(group: Any, name: str) -> Any:
    return group.get(name) if isinstance(group, dict) else None


def _create(connection: Connection, past: Any, made: dict[str, Any]) -> str:
    held = _held(connection, made["idempotency_key"], made["spec_digest"])
    if held is not None:
        return held
    connection.execute(insert(t.campaign).values(pruned_json="[]", **made))
    connection.execute(
        insert(t.run).values(
            id=f"r-{made['id'][2:]}-0000",
            campaign=made["id"],
            ordinal=0,
            device=past.device,
            cell_key=past.cell_key,
            spec=past.spec,
            cell=past.cell,
            state="queued",
            max_attempts=past.max_attempts,
        )
    )
    audit.record(
        connection,
        now_utc_s=made["created_utc_s"],
        actor=made["created_by"],
        action="campaign.replay",
        subject=made["id"],
        detail=past.id,
    )
    return str(made["id"])
