"""Which tokens are open, which certificates a device has, and which are denied.

A token is used up and its certificate recorded in one transaction, so that of two devices with one token exactly one
gets in. What is denied is denied in the data base first, then in memory, where open streams see it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, func, insert, select, update

from benchfleet.controller import audit
from benchfleet.controller.auth import DenyList
from benchfleet.controller.enrollment.tokens import TTL_S, TTL_S_MAX, check_labels, check_name, new_token, secret_hash
from benchfleet.controller.pki import Authority, Issued
from benchfleet.controller.store import Store, tables
from benchfleet.core.clock import Clock
from benchfleet.core.errors import ConflictError, DocumentError, NotFoundError, RefusedError

OPEN_TOKENS_MAX = 10_000
KEEP_S = 30 * 86400.0
"""How long an expired token is still told apart from one that never was; used ones stay, for the device's labels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolled:
    """A device that just got a certificate."""

    device: str
    issued: Issued


class Identities:
    """The identities of one fleet; lives on the event loop."""

    def __init__(self, store: Store, authority: Authority, clock: Clock, denied: DenyList) -> None:
        self.authority, self.denied = authority, denied
        self._store, self._clock = store, clock
        self.enroll_port = 0
        """Goes into tokens; set once the port is bound."""
        self._labels: dict[str, dict[str, str]] = {}

    async def load(self) -> None:
        """Reads what was denied and which labels were given; before anything is served."""
        cert, now_s = tables.certificate, self._now_s()
        query = select(cert.c.serial).where(cert.c.revoked_utc_s.is_not(None), cert.c.not_after_utc_s > now_s)
        for serial in await self._store.read(lambda db: list(db.execute(query).scalars())):
            self.denied.deny(int(serial))
        token = tables.join_token
        used = select(token.c.device, token.c.labels_json).where(token.c.used_utc_s.is_not(None))
        rows = await self._store.read(lambda db: list(db.execute(used.order_by(token.c.used_utc_s))))
        self._labels = {row.device: json.loads(row.labels_json) for row in rows}

    async def create_token(
        self, device: str, labels: dict[str, str], ttl_s: float = TTL_S, *, actor: str
    ) -> tuple[str, datetime]:
        """A new token's text and when it ends; DocumentError for a bad name, label or time."""
        check_name(device, "device")
        check_labels(labels)
        if not 0 < ttl_s <= TTL_S_MAX:
            raise DocumentError(f"token for {device}: lifetime of {ttl_s:g} s is not between 0 and {TTL_S_MAX:g} s")
        token = new_token(self.authority.pin, self.enroll_port)
        now_s, expires = self._now_s(), self._clock.utc() + timedelta(seconds=ttl_s)
        table = tables.join_token

        def write(db: Connection) -> None:
            stale = table.c.used_utc_s.is_(None) & (table.c.expires_utc_s < now_s - KEEP_S)
            db.execute(delete(table).where(stale))
            unused = select(func.count()).select_from(table).where(table.c.used_utc_s.is_(None))
            if db.execute(unused).scalar_one() >= OPEN_TOKENS_MAX:
                raise ConflictError(f"token for {device}: {OPEN_TOKENS_MAX} are open", reason="TOO_MANY_TOKENS")
            db.execute(
                insert(table).values(
                    secret_sha256=secret_hash(token.secret),
                    device=device,
                    labels_json=json.dumps(labels, sort_keys=True),
                    expires_utc_s=expires.timestamp(),
                )
            )
            audit.record(db, now_utc_s=now_s, actor=actor, action="token.create", subject=device)

        await self._store.write(write)
        return str(token), expires

    async def enroll(self, secret: str, csr_pem: bytes, *, source: str = "") -> Enrolled:
        """Uses a token up for a certificate; the device's earlier certificates are denied from then on.

        RefusedError for a token that is unknown, expired or used; DocumentError for the request, which uses nothing up.
        """
        ended: list[str] = []
        labels: dict[str, str] = {}

        def write(db: Connection) -> Enrolled:
            device, labels_json = self._open_token(db, secret)
            issued = self.authority.issue_agent(csr_pem, device)
            self._use_token(db, secret)
            self._admit(db, device, labels_json)
            labels.update(json.loads(labels_json))
            ended.extend(self._deny_all(db, device))
            self._record(db, device, issued)
            actor = f"benchfleet://agent/{device}"
            audit.record(
                db, now_utc_s=self._now_s(), actor=actor, action="device.enroll", subject=device, detail=source
            )
            return Enrolled(device=device, issued=issued)

        enrolled = await self._store.write(write)
        self._labels[enrolled.device] = labels
        self._deny(ended)
        return enrolled

    async def renew(self, device: str, csr_pem: bytes) -> Issued:
        """A further certificate of an enrolled device; the one it has stays good until its end."""

        def write(db: Connection) -> Issued:
            admission = db.execute(
                select(tables.device.c.admission).where(tables.device.c.name == device)
            ).scalar_one_or_none()
            if admission is None or admission == "revoked":
                raise RefusedError(f"device {device}: not enrolled any more; join again", reason="NOT_ENROLLED")
            issued = self.authority.issue_agent(csr_pem, device)
            db.execute(delete(tables.certificate).where(tables.certificate.c.not_after_utc_s < self._now_s()))
            self._record(db, device, issued)
            return issued

        return await self._store.write(write)

    async def revoke(self, device: str, *, actor: str, reason: str = "") -> None:
        """Denies every certificate of a device and ends its streams; NotFoundError when it never enrolled."""

        def write(db: Connection) -> list[str]:
            table = tables.device
            values = {"admission": "revoked", "admission_reason": reason}
            if not db.execute(update(table).where(table.c.name == device).values(values)).rowcount:
                raise NotFoundError(f"device {device[:80]!r}: never enrolled; see `benchfleet devices ls`")
            audit.record(
                db, now_utc_s=self._now_s(), actor=actor, action="device.revoke", subject=device, detail=reason
            )
            return self._deny_all(db, device)

        self._deny(await self._store.write(write))

    def labels(self, device: str) -> dict[str, str]:
        """The labels of the token that a device joined with; empty when it never did."""
        return dict(self._labels.get(device, {}))

    def _open_token(self, db: Connection, secret: str) -> tuple[str, str]:
        table = tables.join_token
        row = db.execute(select(table).where(table.c.secret_sha256 == secret_hash(secret))).one_or_none()
        if row is None:
            raise RefusedError("join token: unknown; make one with `benchfleet token create`", reason="BAD_TOKEN")
        if row.used_utc_s is not None:
            raise RefusedError(f"join token of {row.device}: already used; make another", reason="TOKEN_USED")
        if self._now_s() >= row.expires_utc_s:
            raise RefusedError(f"join token of {row.device}: expired; make another", reason="TOKEN_EXPIRED")
        return row.device, row.labels_json

    def _use_token(self, db: Connection, secret: str) -> None:
        table = tables.join_token
        condition = (table.c.secret_sha256 == secret_hash(secret)) & table.c.used_utc_s.is_(None)
        if db.execute(update(table).where(condition).values(used_utc_s=self._now_s())).rowcount != 1:
            raise RefusedError("join token: already used; make another", reason="TOKEN_USED")

    def _admit(self, db: Connection, device: str, labels_json: str) -> None:
        table = tables.device
        admission = db.execute(select(table.c.admission).where(table.c.name == device)).scalar_one_or_none()
        if admission is None:
            row = {"name": device, "labels_json": labels_json, "enrolled_utc_s": self._now_s()}
            db.execute(insert(table).values(row))
            return
        values: dict[str, str | float] = {"labels_json": labels_json, "enrolled_utc_s": self._now_s()}
        if admission == "revoked":
            values |= {"admission": "open", "admission_reason": ""}
        db.execute(update(table).where(table.c.name == device).values(values))

    def _deny_all(self, db: Connection, device: str) -> list[str]:
        table = tables.certificate
        condition = (table.c.subject == f"benchfleet://agent/{device}") & table.c.revoked_utc_s.is_(None)
        serials = list(db.execute(select(table.c.serial).where(condition)).scalars())
        db.execute(update(table).where(condition).values(revoked_utc_s=self._now_s()))
        return serials

    def _record(self, db: Connection, device: str, issued: Issued) -> None:
        row = {
            "serial": str(issued.serial),
            "subject": f"benchfleet://agent/{device}",
            "not_after_utc_s": issued.not_after.timestamp(),
        }
        db.execute(insert(tables.certificate).values(row))

    def _deny(self, serials: list[str]) -> None:
        for serial in serials:
            self.denied.deny(int(serial))

    def _now_s(self) -> float:
        return self._clock.utc().timestamp()
