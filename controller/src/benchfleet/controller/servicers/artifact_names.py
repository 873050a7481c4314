"""Names of models and data sets over committed bytes, and what may bear a name.

A name keeps its bytes for ever: another digest under it is a conflict, never an update.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from sqlalchemy import Connection, Row, insert, select, update

from benchfleet.controller import audit
from benchfleet.controller.blobs import BlobStore
from benchfleet.controller.enrollment.tokens import check_name
from benchfleet.controller.names import MODEL_NAME
from benchfleet.controller.servicers.pages import page_size as page_limit
from benchfleet.controller.store import Store, tables
from benchfleet.core import task as tasks
from benchfleet.core.clock import Clock
from benchfleet.core.errors import ConflictError, DocumentError, NotFoundError
from benchfleet.core.formats import FORMATS, HEAD_BYTES, format_of, refusal
from benchfleet.v1 import artifact_pb2 as pb
from benchfleet.v1 import run_pb2

PRECISIONS = ("", "fp32", "fp16", "bf16", "int8", "int4", "mixed")
FACTS_BYTES_MAX = 256 * 1024
FACTS_DEPTH_MAX = 12
SAMPLES_MAX = 2**40


class Registry:
    """Models and data sets in the store."""

    def __init__(self, store: Store, blobs: BlobStore, clock: Clock) -> None:
        self._store, self._blobs, self._clock = store, blobs, clock

    async def add_model(self, request: pb.RegisterModelRequest, actor: str) -> pb.Model:
        """Adds one format of a model; the same again changes nothing, another digest is a ConflictError."""
        name, file, parent = check_model_name(request.name), request.file, request.parent
        if parent:
            check_model_name(parent)
            if parent == name:
                raise DocumentError(f"model {name}: cannot be its own parent")
        if file.format not in FORMATS:
            raise DocumentError(f"model {name}: format {file.format[:40]!r} is not one of {', '.join(FORMATS)}")
        facts = _facts(name, file.facts_json)
        precision = facts.get("precision") or ""
        if precision not in PRECISIONS:
            precision = "mixed"
        await asyncio.to_thread(self._check_model_bytes, name, file.format, file.artifact)

        def write(db: Connection) -> pb.Model:
            _put_model(db, name, parent, precision, file, now_utc_s=self._now_s(), actor=actor)
            row = db.execute(select(tables.model).where(tables.model.c.name == name)).one()
            return _models(db, [row])[0]

        return await self._store.write(write)

    async def models(self, page_size: int, page_token: str) -> tuple[list[pb.Model], str]:
        """A page by name, and the token of the next; the token is the last name of this page."""
        limit, table = page_limit(page_size), tables.model
        query = select(table).where(table.c.name > page_token).order_by(table.c.name).limit(limit + 1)

        def read(db: Connection) -> tuple[list[pb.Model], str]:
            rows = list(db.execute(query))
            return _models(db, rows[:limit]), rows[limit - 1].name if len(rows) > limit else ""

        return await self._store.read(read)

    async def add_dataset(self, dataset: pb.Dataset, actor: str) -> pb.Dataset:
        """Names a data set; the same again changes nothing, another digest is a ConflictError."""
        name = check_name(dataset.name, "data set")
        known = tasks.names()
        if dataset.task not in known:
            raise DocumentError(f"data set {name}: task {dataset.task[:40]!r} is not one of {', '.join(known)}")
        if not 0 < dataset.sample_count < SAMPLES_MAX:
            raise DocumentError(f"data set {name}: {dataset.sample_count} samples is not a count of samples")
        head = await asyncio.to_thread(self._head, f"data set {name}", dataset.artifact)
        if not head.startswith(b"PK\x03\x04"):
            raise DocumentError(f"data set {name}: not an .npz file by its first bytes")
        table = tables.dataset

        def write(db: Connection) -> pb.Dataset:
            row = db.execute(select(table).where(table.c.name == name)).one_or_none()
            if row is None:
                values = {
                    "name": name,
                    "digest": dataset.artifact.digest,
                    "size_bytes": dataset.artifact.size_bytes,
                    "task": dataset.task,
                    "sample_count": dataset.sample_count,
                    "created_utc_s": self._now_s(),
                }
                db.execute(insert(table).values(values))
                _log(db, self._now_s(), actor, "dataset.register", name, dataset.artifact.digest)
                row = db.execute(select(table).where(table.c.name == name)).one()
            elif row.digest != dataset.artifact.digest:
                raise ConflictError(f"data set {name}: is {row.digest[:12]} already; choose another name")
            return _dataset(row)

        return await self._store.write(write)

    async def datasets(self, page_size: int, page_token: str) -> tuple[list[pb.Dataset], str]:
        """A page by name, and the token of the next."""
        limit, table = page_limit(page_size), tables.dataset
        query = select(table).where(table.c.name > page_token).order_by(table.c.name).limit(limit + 1)
        rows = await self._store.read(lambda db: list(db.execute(query)))
        return [_dataset(row) for row in rows[:limit]], rows[limit - 1].name if len(rows) > limit else ""

    def _check_model_bytes(self, name: str, format: str, artifact: run_pb2.ArtifactRef) -> None:
        head = self._head(f"model {name}", artifact)
        found = format_of(head)
        if found is None:
            raise DocumentError(f"model {name}: {refusal(head)}; models are data, not code")
        if found != format:
            raise DocumentError(f"model {name}: said to be {format}, but {found} by its first bytes")

    def _head(self, what: str, artifact: run_pb2.ArtifactRef) -> bytes:
        try:
            file, size_bytes = self._blobs.open(artifact.digest)
        except NotFoundError:
            raise NotFoundError(f"{what}: artifact {artifact.digest[:12]} is not here; upload it first") from None
        with file:
            if size_bytes != artifact.size_bytes:
                raise DocumentError(f"{what}: said to have {artifact.size_bytes} bytes, but has {size_bytes}")
            return file.read(HEAD_BYTES)

    def _now_s(self) -> float:
        return self._clock.utc().timestamp()


def check_model_name(text: str) -> str:
    """`text` when it reads NAME:TAG; DocumentError otherwise."""
    if MODEL_NAME.fullmatch(text) is None:
        raise DocumentError(
            f"model name {text[:80]!r}: use NAME:TAG, each 1 to 63 of a-z 0-9 . _ - from a letter or digit on",
            reason="BAD_NAME",
        )
    return text


def _put_model(
    db: Connection, name: str, parent: str, precision: str, file: pb.ModelFile, *, now_utc_s: float, actor: str
) -> None:
    model, files = tables.model, tables.model_file
    row = db.execute(select(model).where(model.c.name == name)).one_or_none()
    if parent and db.execute(select(model.c.name).where(model.c.name == parent)).first() is None:
        raise NotFoundError(f"model {name}: its parent {parent} is not here; push that first")
    if row is None:
        values = {"name": name, "parent": parent, "precision": precision, "created_utc_s": now_utc_s}
        db.execute(insert(model).values(values))
    elif parent and row.parent and row.parent != parent:
        raise ConflictError(f"model {name}: has parent {row.parent} already; choose another name")
    elif parent and not row.parent:
        db.execute(update(model).where(model.c.name == name).values(parent=parent))
    key = (files.c.model == name) & (files.c.format == file.format)
    held = db.execute(select(files.c.digest).where(key)).scalar_one_or_none()
    if held is None:
        values = {
            "model": name,
            "format": file.format,
            "digest": file.artifact.digest,
            "size_bytes": file.artifact.size_bytes,
            "facts_json": file.facts_json or "{}",
        }
        db.execute(insert(files).values(values))
        _log(db, now_utc_s, actor, "model.register", name, f"{file.format} {file.artifact.digest}")
    elif held != file.artifact.digest:
        raise ConflictError(f"model {name}: its {file.format} file is {held[:12]} already; choose another tag")


def _log(db: Connection, now_utc_s: float, actor: str, action: str, subject: str, detail: str) -> None:
    audit.record(db, now_utc_s=now_utc_s, actor=actor, action=action, subject=subject, detail=detail)


def _models(db: Connection, rows: list[Row[Any]]) -> list[pb.Model]:
    table = tables.model_file
    query = select(table).where(table.c.model.in_([row.name for row in rows])).order_by(table.c.format)
    files: dict[str, list[pb.ModelFile]] = {}
    for file in db.execute(query):
        artifact = run_pb2.ArtifactRef(digest=file.digest, size_bytes=file.size_bytes)
        entry = pb.ModelFile(format=file.format, artifact=artifact, facts_json=file.facts_json)
        files.setdefault(file.model, []).append(entry)
    return [
        pb.Model(
            name=row.name,
            parent=row.parent,
            precision=row.precision,
            files=files.get(row.name, []),
            create_time=_stamp(row.created_utc_s),
        )
        for row in rows
    ]


def _dataset(row: Row[Any]) -> pb.Dataset:
    return pb.Dataset(
        name=row.name,
        artifact=run_pb2.ArtifactRef(digest=row.digest, size_bytes=row.size_bytes),
        task=row.task,
        sample_count=row.sample_count,
        create_time=_stamp(row.created_utc_s),
    )


def _stamp(utc_s: float) -> Timestamp:
    stamp = Timestamp()
    stamp.FromMicroseconds(int(utc_s * 1e6))
    return stamp


def _facts(name: str, text: str) -> dict[str, Any]:
    if len(text.encode()) > FACTS_BYTES_MAX:
        raise DocumentError(f"model {name}: facts of {len(text)} characters, at most {FACTS_BYTES_MAX} bytes are taken")
    try:
        data = json.loads(text or "{}", parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise DocumentError(f"model {name}: facts are not JSON") from error
    if not isinstance(data, dict) or _depth(data) > FACTS_DEPTH_MAX:
        raise DocumentError(f"model {name}: facts are not a JSON object of at most {FACTS_DEPTH_MAX} levels")
    return data


def _no_constant(text: str) -> float:
    raise ValueError(f"{text} is not JSON")


def _depth(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + max(map(_depth, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(_depth, value), default=0)
    return 0
