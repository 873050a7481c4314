"""CampaignService: documents become plans, plans become runs, and runs are watched to their end."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from collections.abc import AsyncIterator, Collection
from functools import partial
from typing import Any

from google.protobuf.duration_pb2 import Duration
from grpc.aio import ServicerContext
from sqlalchemy import Connection, func, insert, select, update

from benchfleet.controller import audit, catalog_rows
from benchfleet.controller.auth import peer
from benchfleet.controller.blobs import BlobStore
from benchfleet.controller.campaigns import machine, replay
from benchfleet.controller.campaigns.document import CampaignDocument, parse_campaign
from benchfleet.controller.campaigns.engine import ENDED, Engine
from benchfleet.controller.campaigns.plan import Cell, Plan, plan
from benchfleet.controller.servicers.pages import page_size, start_of, token_after
from benchfleet.controller.store import tables as t
from benchfleet.core import wire
from benchfleet.core.errors import ConflictError, DocumentError, NotFoundError
from benchfleet.v1 import agent_pb2
from benchfleet.v1 import campaign_pb2 as pb
from benchfleet.v1.campaign_pb2_grpc import CampaignServiceServicer

Context = ServicerContext[Any, Any]
KEY_MAX = 128

NARROW_MAX = 500
"""More changed runs are read with the whole campaign: one scan is cheaper then, and statements have a limit."""


class CampaignServicer(CampaignServiceServicer):
    """Answers operators."""

    def __init__(self, engine: Engine, blobs: BlobStore) -> None:
        self._engine, self._blobs = engine, blobs

    async def PlanCampaign(self, request: pb.PlanCampaignRequest, context: Context) -> pb.PlanCampaignResponse:
        """Nothing is made."""
        planned = await self._plan(parse_campaign(request.document_yaml))
        return pb.PlanCampaignResponse(
            campaign_name=planned.name,
            cells=[_cell(cell) for cell in planned.cells],
            estimated_duration=_duration(planned.estimated_s),
            baseline_cell_hint=planned.baseline_model or "",
        )

    async def _plan(self, document: CampaignDocument) -> Plan:
        online = self._engine.sessions.online()
        models, datasets, devices = await self._engine.store.read(
            lambda c: (catalog_rows.models(c), catalog_rows.datasets(c), catalog_rows.devices(c, online))
        )
        return plan(document, models=models, datasets=datasets, devices=devices)

    async def CreateCampaign(self, request: pb.CreateCampaignRequest, context: Context) -> pb.CreateCampaignResponse:
        """Idempotent by key: the same document again is the same campaign."""
        key = request.idempotency_key
        check_key(key)
        digest = hashlib.sha256(request.document_yaml.encode()).hexdigest()
        held = await self._engine.store.read(lambda c: by_key(c, key, digest))
        if held is None:
            document = parse_campaign(request.document_yaml)
            planned = await self._plan(document)
            now = self._engine.clock.utc()
            made = {
                "id": f"c-{now:%Y%m%d}-{secrets.token_hex(4)}",
                "name": planned.name,
                "state": "queued",
                "spec_digest": digest,
                "idempotency_key": key,
                "document_yaml": request.document_yaml,
                "baseline_model": planned.baseline_model or "",
                "created_by": peer(context).uri,
                "created_utc_s": now.timestamp(),
            }
            attempts = document.measure.max_attempts
            held = await self._engine.store.write(lambda c: _create(c, made, planned, attempts))
            self._engine.wake()
        campaign_id = held
        campaign, _ = await self._engine.store.read(lambda c: read(c, campaign_id, ()))
        return pb.CreateCampaignResponse(campaign=campaign)

    async def ListCampaigns(self, request: pb.ListCampaignsRequest, context: Context) -> pb.ListCampaignsResponse:
        """Newest first."""
        size, start = page_size(request.page_size), start_of(request.page_token)

        def page(connection: Connection) -> list[pb.Campaign]:
            query = select(t.campaign).order_by(t.campaign.c.created_utc_s.desc(), t.campaign.c.id)
            listed = connection.execute(query.offset(start).limit(size + 1)).all()
            return [_campaign(connection, row) for row in listed]

        found = await self._engine.store.read(page)
        more = len(found) > size
        return pb.ListCampaignsResponse(campaigns=found[:size], next_page_token=token_after(start, size, more))

    async def GetCampaign(self, request: pb.GetCampaignRequest, context: Context) -> pb.GetCampaignResponse:
        """By id, by the beginning of an id, or `latest`."""
        campaign_id = await self._resolve(request.campaign_id)
        campaign, runs = await self._engine.store.read(lambda c: read(c, campaign_id))
        pruned = await self._engine.store.read(lambda c: _pruned(c, campaign_id))
        return pb.GetCampaignResponse(campaign=campaign, runs=self._live(runs), pruned=pruned)

    async def WatchCampaign(
        self, request: pb.WatchCampaignRequest, context: Context
    ) -> AsyncIterator[pb.WatchCampaignResponse]:
        """The whole first, then what changed, until the campaign has ended."""
        campaign_id = await self._resolve(request.campaign_id)
        sent: dict[str, bytes] = {}
        only: set[str] | None = None
        with self._engine.hub.watch(campaign_id) as watch:
            while True:
                campaign, runs = await self._engine.store.read(partial(read, campaign_id=campaign_id, only=only))
                fresh = []
                for run in self._live(runs):
                    now = run.SerializeToString(deterministic=True)
                    if sent.get(run.id) != now:
                        sent[run.id] = now
                        fresh.append(run)
                yield pb.WatchCampaignResponse(campaign=campaign, runs=fresh)
                if campaign.HasField("end_time"):
                    return
                await watch.wait()
                only = watch.take()

    async def ReplayRun(self, request: pb.ReplayRunRequest, context: Context) -> pb.ReplayRunResponse:
        """The very spec of a past run as a campaign of one; idempotent by key."""
        check_key(request.idempotency_key)
        made, changes = await replay.replay(
            self._engine, self._blobs, request.run_id, request.idempotency_key, actor=peer(context).uri
        )
        campaign, _ = await self._engine.store.read(lambda c: read(c, made, ()))
        return pb.ReplayRunResponse(campaign=campaign, changes=changes)

    async def CancelCampaign(self, request: pb.CancelCampaignRequest, context: Context) -> pb.CancelCampaignResponse:
        """What has ended stays as it is."""
        campaign_id = await self._resolve(request.campaign_id)
        actor = peer(context).uri
        now_utc_s = self._engine.clock.utc().timestamp()

        def mark(connection: Connection) -> list[str]:
            live = connection.execute(
                select(t.run.c.id).where(t.run.c.campaign == campaign_id, t.run.c.state.not_in(ENDED))
            ).scalars()
            runs = list(live)
            if runs:
                connection.execute(update(t.campaign).where(t.campaign.c.id == campaign_id).values(state="cancelled"))
                audit.record(
                    connection,
                    now_utc_s=now_utc_s,
                    actor=actor,
                    action="campaign.cancel",
                    subject=campaign_id,
                    detail=request.reason[:500],
                )
            return runs

        for run_id in await self._engine.store.write(mark):
            await self._engine.handle(run_id, machine.Cancelled(request.reason[:500] or "by the operator"))
        self._engine.hub.changed(campaign_id)
        campaign, _ = await self._engine.store.read(lambda c: read(c, campaign_id, ()))
        return pb.CancelCampaignResponse(campaign=campaign)

    async def _resolve(self, text: str) -> str:
        return await self._engine.store.read(lambda c: resolve(c, text))

    def _live(self, runs: list[pb.Run]) -> list[pb.Run]:
        """Adds where the live attempts are, which is news of the session and not of the store."""
        for run in runs:
            session = self._engine.sessions.get(run.cell.device)
            if session is not None and run.id in session.progress and run.state == pb.RUN_STATE_LEASED:
                run.phase, run.fraction = session.progress[run.id]  # type: ignore[assignment]
        return runs


def check_key(key: str) -> None:
    """DocumentError for an idempotency key that is none."""
    if not key or len(key) > KEY_MAX or not key.isprintable():
        raise DocumentError(f"idempotency_key: 1 to {KEY_MAX} printable characters are needed")


def resolve(connection: Connection, text: str) -> str:
    """A campaign's id from an id, its unique beginning, or `latest`; NotFoundError otherwise."""
    if text == "latest":
        query = select(t.campaign.c.id).order_by(t.campaign.c.created_utc_s.desc()).limit(1)
        found = list(connection.execute(query).scalars())
    elif re.fullmatch(r"[a-z0-9-]{1,32}", text):
        query = select(t.campaign.c.id).where(t.campaign.c.id.startswith(text, autoescape=True)).limit(2)
        found = list(connection.execute(query).scalars())
    else:
        found = []
    if len(found) != 1:
        many = "several campaigns begin so" if found else "no such campaign"
        raise NotFoundError(f"campaign {text[:64]!r}: {many}; see `benchfleet campaigns ls`")
    return str(found[0])


def by_key(connection: Connection, key: str, digest: str) -> str | None:
    row = connection.execute(select(t.campaign).where(t.campaign.c.idempotency_key == key)).one_or_none()
    if row is None:
        return None
    if row.spec_digest != digest:
        raise ConflictError(f"this key belongs to campaign {row.id}, made from another document; use a new key")
    return str(row.id)


def _create(connection: Connection, made: dict[str, Any], planned: Plan, attempts: int) -> str:
    held = by_key(connection, made["idempotency_key"], made["spec_digest"])
    if held is not None:
        return held
    pruned = [_cell(c).SerializeToString().hex() for c in planned.cells if c.spec is None]
    connection.execute(insert(t.campaign).values(pruned_json=json.dumps(pruned), **made))
    for ordinal, cell in enumerate(c for c in planned.cells if c.spec is not None):
        assert cell.spec is not None
        connection.execute(
            insert(t.run).values(
                id=f"r-{made['id'][2:]}-{ordinal:04d}",
                campaign=made["id"],
                ordinal=ordinal,
                device=cell.device,
                cell_key=cell.cell_key,
                spec=wire.runspec_to_wire(cell.spec).SerializeToString(),
                cell=_cell(cell).SerializeToString(),
                state="queued",
                max_attempts=attempts,
            )
        )
    audit.record(
        connection,
        now_utc_s=made["created_utc_s"],
        actor=made["created_by"],
        action="campaign.create",
        subject=made["id"],
        detail=made["name"],
    )
    return str(made["id"])


def read(
    connection: Connection, campaign_id: str, only: Collection[str] | None = None
) -> tuple[pb.Campaign, list[pb.Run]]:
    """A campaign with all its runs, or with those of `only`: a change of one run need not read ten thousand."""
    row = connection.execute(select(t.campaign).where(t.campaign.c.id == campaign_id)).one()
    narrow = only is not None and len(only) <= NARROW_MAX
    these = t.run.c.id.in_(only or ()) if narrow else t.run.c.campaign == campaign_id  # an id is of one campaign
    attempts = (
        select(t.attempt.c.run, t.attempt.c.epoch, t.attempt.c.state)
        .join(t.run, t.run.c.id == t.attempt.c.run)
        .where(these)
    )
    listed = select(t.run).where(these).order_by(t.run.c.ordinal)
    phases = {(run, epoch): state for run, epoch, state in connection.execute(attempts)}
    runs = []
    for each in connection.execute(listed):
        phase = phases.get((each.id, each.epoch), "").upper()
        known = f"PHASE_{phase}" in agent_pb2.Phase.keys()  # noqa: SIM118 - an enum wrapper, not a dict
        runs.append(
            pb.Run(
                id=each.id,
                campaign_id=campaign_id,
                cell=pb.PlannedCell.FromString(each.cell),
                state=f"RUN_STATE_{each.state.upper()}",
                epoch=each.epoch,
                attempts=each.attempts,
                max_attempts=each.max_attempts,
                reason=each.reason,
                detail=each.detail,
                verdict=each.verdict,
                phase=f"PHASE_{phase}" if known else agent_pb2.PHASE_UNSPECIFIED,
            )
        )
    return _campaign(connection, row), runs


def _campaign(connection: Connection, row: Any) -> pb.Campaign:
    counts = connection.execute(
        select(t.run.c.state, func.count()).where(t.run.c.campaign == row.id).group_by(t.run.c.state)
    )
    campaign = pb.Campaign(
        id=row.id,
        name=row.name,
        state=f"CAMPAIGN_STATE_{row.state.upper()}",
        document_yaml=row.document_yaml,
        baseline_model=row.baseline_model,
        run_counts={state.upper(): count for state, count in counts},
        created_by=row.created_by,
    )
    campaign.create_time.FromNanoseconds(int(row.created_utc_s * 1e9))
    if row.ended_utc_s is not None:
        campaign.end_time.FromNanoseconds(int(row.ended_utc_s * 1e9))
    return campaign


def _pruned(connection: Connection, campaign_id: str) -> list[pb.PlannedCell]:
    text = connection.execute(select(t.campaign.c.pruned_json).where(t.campaign.c.id == campaign_id)).scalar_one()
    return [pb.PlannedCell.FromString(bytes.fromhex(each)) for each in json.loads(text)]


def _cell(cell: Cell) -> pb.PlannedCell:
    return pb.PlannedCell(
        cell_key=cell.cell_key,
        model=cell.model,
        format=cell.format,
        device=cell.device,
        runtime=cell.runtime,
        threads=cell.threads,
        batch=cell.batch,
        scenario=cell.scenario,
        power_mode=cell.power_mode or "",
        pruned_reason=cell.pruned_reason,
        estimated_duration=_duration(cell.estimated_s),
    )


def _duration(seconds: float) -> Duration:
    duration = Duration()
    duration.FromMilliseconds(int(seconds * 1000))
    return duration
