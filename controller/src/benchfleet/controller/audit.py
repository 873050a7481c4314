"""The audit log: one row for each change that somebody made, in the transaction that makes it."""

from __future__ import annotations

from sqlalchemy import Connection, insert

from benchfleet.controller.store import tables
from benchfleet.core.errors import one_line

DETAIL_CHARACTERS_MAX = 2000


def record(
    connection: Connection, *, now_utc_s: float, actor: str, action: str, subject: str, detail: str = ""
) -> None:
    """Adds an entry; `actor` is the URI SAN of who did it, or "controller"."""
    connection.execute(
        insert(tables.audit).values(
            created_utc_s=now_utc_s,
            actor=one_line(actor, limit=160),
            action=action,
            subject=one_line(subject, limit=160),
            detail=one_line(detail, limit=DETAIL_CHARACTERS_MAX),
        )
    )
