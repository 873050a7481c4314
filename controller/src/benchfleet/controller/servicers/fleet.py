"""FleetService: devices, their admission, join tokens, and the audit log."""

from __future__ import annotations

import json
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from grpc.aio import ServicerContext
from sqlalchemy import Connection, select, update

from benchfleet.controller import audit, catalog_rows
from benchfleet.controller.auth import peer
from benchfleet.controller.campaigns.engine import Engine
from benchfleet.controller.campaigns.selector import labels_of, parse_selector
from benchfleet.controller.enrollment.identities import Identities
from benchfleet.controller.enrollment.tokens import TTL_S
from benchfleet.controller.servicers.pages import page_size, start_of, token_after
from benchfleet.controller.store import tables as t
from benchfleet.core import wire
from benchfleet.core.errors import DocumentError, NotFoundError
from benchfleet.core.inventory import Inventory
from benchfleet.v1 import agent_pb2
from benchfleet.v1 import fleet_pb2 as pb
from benchfleet.v1.fleet_pb2_grpc import FleetServiceServicer

Context = ServicerContext[Any, Any]
REASON_MAX = 500
_ADMISSIONS = {
    pb.DEVICE_ADMISSION_OPEN: "open",
    pb.DEVICE_ADMISSION_DRAINING: "draining",
    pb.DEVICE_ADMISSION_QUARANTINED: "quarantined",
}


class FleetServicer(FleetServiceServicer):
    """Answers operators."""

    def __init__(self, engine: Engine, identities: Identities) -> None:
        self._engine, self._identities = engine, identities

    async def CreateJoinToken(self, request: pb.CreateJoinTokenRequest, context: Context) -> pb.CreateJoinTokenResponse:
        """Shown this once."""
        ttl_s = request.ttl.ToTimedelta().total_seconds() if request.HasField("ttl") else TTL_S
        token, expires = await self._identities.create_token(
            request.device, dict(request.labels), actor=peer(context).uri, ttl_s=ttl_s
        )
        response = pb.CreateJoinTokenResponse(token=token)
        response.expire_time.FromDatetime(expires)
        return response

    async def ListDevices(self, request: pb.ListDevicesRequest, context: Context) -> pb.ListDevicesResponse:
        """By name."""
        size, start = page_size(request.page_size), start_of(request.page_token)
        test = parse_selector(request.selector)
        online = set(self._engine.sessions.online())

        def page(connection: Connection) -> list[pb.Device]:
            facts = {d.name: d for d in catalog_rows.devices(connection, online)}
            rows = connection.execute(select(t.device).order_by(t.device.c.name)).all()
            held = _attempts(connection)
            chosen = [r for r in rows if not request.selector or (r.name in facts and test(labels_of(facts[r.name])))]
            return [_device(row, held.get(row.name), online) for row in chosen[start : start + size + 1]]

        found = await self._engine.store.read(page)
        token = token_after(start, size, len(found) > size)
        return pb.ListDevicesResponse(devices=found[:size], next_page_token=token)

    async def GetDevice(self, request: pb.GetDeviceRequest, context: Context) -> pb.GetDeviceResponse:
        """With its newest readings while it is connected."""
        response = pb.GetDeviceResponse(device=await self._one(request.device))
        session = self._engine.sessions.get(request.device)
        for gauge in session.readings.gauges(self._engine.clock.monotonic_s()) if session else ():
            response.gauges.append(
                agent_pb2.GaugeReading(
                    sensor=gauge.sensor, kind=gauge.kind, scope=gauge.scope, value=gauge.value, quality=gauge.quality
                )
            )
        return response

    async def SetDeviceAdmission(
        self, request: pb.SetDeviceAdmissionRequest, context: Context
    ) -> pb.SetDeviceAdmissionResponse:
        """A revoked device stays revoked until it joins again."""
        admission = _ADMISSIONS.get(request.admission)
        if admission is None:
            raise DocumentError("admission: is OPEN, DRAINING or QUARANTINED; use RevokeDevice to revoke")
        actor, now_utc_s = peer(context).uri, self._engine.clock.utc().timestamp()
        reason = request.reason[:REASON_MAX]

        def change(connection: Connection) -> int:
            changed = connection.execute(
                update(t.device)
                .where(t.device.c.name == request.device, t.device.c.admission != "revoked")
                .values(admission=admission, admission_reason=reason)
            ).rowcount
            if changed:
                audit.record(
                    connection,
                    now_utc_s=now_utc_s,
                    actor=actor,
                    action=f"device.{admission}",
                    subject=request.device,
                    detail=reason,
                )
            return changed

        if not await self._engine.store.write(change):
            raise NotFoundError(f"device {request.device[:64]!r}: not here, or revoked; see `benchfleet devices ls`")
        self._engine.wake()
        return pb.SetDeviceAdmissionResponse(device=await self._one(request.device))

    async def RevokeDevice(self, request: pb.RevokeDeviceRequest, context: Context) -> pb.RevokeDeviceResponse:
        """Its certificates are denied and its session ends."""
        await self._identities.revoke(request.device, actor=peer(context).uri, reason=request.reason[:REASON_MAX])
        self._engine.sessions.end(request.device, "the device was revoked", final=True)
        return pb.RevokeDeviceResponse(device=await self._one(request.device))

    async def ListAuditEntries(
        self, request: pb.ListAuditEntriesRequest, context: Context
    ) -> pb.ListAuditEntriesResponse:
        """Newest first."""
        size, start = page_size(request.page_size), start_of(request.page_token)

        def page(connection: Connection) -> list[pb.AuditEntry]:
            query = select(t.audit).order_by(t.audit.c.id.desc()).offset(start).limit(size + 1)
            return [
                pb.AuditEntry(
                    create_time=_stamp(row.created_utc_s),
                    actor=row.actor,
                    action=row.action,
                    subject=row.subject,
                    detail=row.detail,
                )
                for row in connection.execute(query)
            ]

        found = await self._engine.store.read(page)
        token = token_after(start, size, len(found) > size)
        return pb.ListAuditEntriesResponse(entries=found[:size], next_page_token=token)

    async def _one(self, name: str) -> pb.Device:
        online = set(self._engine.sessions.online())

        def find(connection: Connection) -> pb.Device | None:
            row = connection.execute(select(t.device).where(t.device.c.name == name)).one_or_none()
            return None if row is None else _device(row, _attempts(connection).get(name), online)

        found = await self._engine.store.read(find)
        if found is None:
            raise NotFoundError(f"device {name[:64]!r}: never enrolled; see `benchfleet devices ls`")
        return found


def _attempts(connection: Connection) -> dict[str, agent_pb2.AttemptRef]:
    query = select(t.attempt.c.device, t.attempt.c.run, t.attempt.c.epoch).where(t.attempt.c.holds_device)
    return {device: agent_pb2.AttemptRef(run_id=run, epoch=epoch) for device, run, epoch in connection.execute(query)}


def _device(row: Any, attempt: agent_pb2.AttemptRef | None, online: set[str]) -> pb.Device:
    state = pb.DEVICE_STATE_OFFLINE
    if row.name in online:
        state = pb.DEVICE_STATE_BUSY if attempt is not None else pb.DEVICE_STATE_IDLE
    device = pb.Device(
        name=row.name,
        state=state,
        admission=f"DEVICE_ADMISSION_{row.admission.upper()}",
        labels=json.loads(row.labels_json),
        attempt=attempt,
        incarnation=row.incarnation,
        admission_reason=row.admission_reason,
    )
    if row.inventory_json:
        inventory = Inventory.from_json(json.loads(row.inventory_json))
        device.inventory.CopyFrom(wire.inventory_to_wire(inventory))
        for key, value in inventory.labels.items():
            if key not in device.labels:
                device.labels[key] = value
    if row.seen_utc_s is not None:
        device.last_seen_time.CopyFrom(_stamp(row.seen_utc_s))
    return device


def _stamp(utc_s: float) -> Timestamp:
    stamp = Timestamp()
    stamp.FromNanoseconds(int(utc_s * 1e9))
    return stamp
