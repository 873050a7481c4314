"""Slices of the state machine from rows and back: the only place that knows both."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, insert, select, update

from benchfleet.controller.campaigns.machine import Attempt, Reported, Run, Slice
from benchfleet.controller.store import tables as t


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One result as it came: what the machine decides on, and what is stored."""

    run_id: str
    device: str
    digest: str
    series_digest: str
    result_json: bytes
    event: Reported


def load(connection: Connection, run_id: str) -> Slice | None:
    """The slice of one run; None when there is no such run."""
    row = connection.execute(select(t.run).where(t.run.c.id == run_id)).one_or_none()
    if row is None:
        return None
    token = connection.execute(select(t.device.c.token).where(t.device.c.name == row.device)).scalar_one_or_none()
    held = connection.execute(
        select(t.attempt).where(t.attempt.c.run == run_id).order_by(t.attempt.c.epoch.desc()).limit(1)
    ).one_or_none()
    attempt = None
    if held is not None:
        attempt = Attempt(
            run_id=run_id,
            epoch=held.epoch,
            token=held.token,
            incarnation=held.incarnation,
            state=held.state,
            lease_deadline_s=held.lease_deadline_s,
            holds_device=held.holds_device,
            reason=held.reason,
            block=held.block,
        )
    run = Run(
        id=run_id,
        device=row.device,
        state=row.state,
        epoch=row.epoch,
        attempts=row.attempts,
        max_attempts=row.max_attempts,
        reason=row.reason,
        detail=row.detail,
        verdict=row.verdict,
    )
    return Slice(run=run, attempt=attempt, device_token=token or 0)


def save(connection: Connection, before: Slice, after: Slice) -> None:
    """Writes what differs."""
    run, attempt = after.run, after.attempt
    if run != before.run:
        connection.execute(
            update(t.run)
            .where(t.run.c.id == run.id)
            .values(
                state=run.state,
                epoch=run.epoch,
                attempts=run.attempts,
                reason=run.reason[:64],
                detail=run.detail,
                verdict=run.verdict,
            )
        )
    if after.device_token != before.device_token:
        connection.execute(update(t.device).where(t.device.c.name == run.device).values(token=after.device_token))
    if attempt is None or attempt == before.attempt:
        return
    values = {
        "state": attempt.state,
        "holds_device": attempt.holds_device,
        "lease_deadline_s": attempt.lease_deadline_s,
        "reason": attempt.reason[:64],
    }
    if before.attempt is None or before.attempt.epoch != attempt.epoch:
        connection.execute(
            insert(t.attempt).values(
                run=run.id,
                epoch=attempt.epoch,
                device=run.device,
                token=attempt.token,
                incarnation=attempt.incarnation,
                block=attempt.block,
                **values,
            )
        )
    else:
        connection.execute(
            update(t.attempt).where(t.attempt.c.run == run.id, t.attempt.c.epoch == attempt.epoch).values(**values)
        )


def reporter(connection: Connection, run_id: str, epoch: int) -> str | None:
    """The device that an attempt was leased to; None when there is no such attempt."""
    query = select(t.attempt.c.device).where(t.attempt.c.run == run_id, t.attempt.c.epoch == epoch)
    return connection.execute(query).scalar_one_or_none()


def disposition(connection: Connection, report: Report) -> str | None:
    """What was answered to this very report before; None when it is new."""
    query = select(t.result.c.disposition).where(
        t.result.c.run == report.run_id, t.result.c.epoch == report.event.epoch, t.result.c.digest == report.digest
    )
    return connection.execute(query).scalar_one_or_none()


def record(connection: Connection, report: Report, disposition: str, now_utc_s: float) -> None:
    """One row per report; a second accepted one is impossible, since accepting ends the run."""
    connection.execute(
        insert(t.result).values(
            run=report.run_id,
            epoch=report.event.epoch,
            digest=report.digest,
            disposition=disposition,
            device=report.device,
            series_digest=report.series_digest,
            result_json=report.result_json,
            verdict=report.event.verdict,
            received_utc_s=now_utc_s,
        )
    )
