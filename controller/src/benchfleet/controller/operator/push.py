"""Files to the controller under a name: inspected or checked here first, uploaded, registered."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchfleet.controller.client.connection import CALL_TIMEOUT_S, Session
from benchfleet.controller.client.local_file import regular_file
from benchfleet.controller.client.transfer import Progress, upload
from benchfleet.controller.inspection import Shapes, inspect_model
from benchfleet.controller.operator.dataset_file import packed, read_dataset
from benchfleet.core.datasets.validation import Facts
from benchfleet.core.errors import DocumentError
from benchfleet.v1 import artifact_pb2 as pb
from benchfleet.v1 import run_pb2
from benchfleet.v1.artifact_pb2_grpc import ArtifactServiceStub


def push_model(session: Session, path: Path, name: str, parent: str | None, shapes: Shapes | None = None) -> Any:
    """The Model message after the push; `shapes` are sizes of open inputs to count it with."""
    regular_file(path, "model")
    facts = inspect_model(path, shapes)
    if facts.external_data:
        raise DocumentError(
            f"{path}: keeps weights in {', '.join(facts.external_data[:3])}, and one file is pushed; "
            "store the weights inside the model"
        )
    with _progress(path) as progress:
        artifact = upload(session, path, progress)
    if artifact.digest != facts.digest:
        raise DocumentError(f"{path}: the file changed while it was read; try again")
    file = pb.ModelFile(
        format=facts.format,
        artifact=run_pb2.ArtifactRef(digest=artifact.digest, size_bytes=artifact.size_bytes),
        facts_json=json.dumps(facts.to_json()),
    )
    request = pb.RegisterModelRequest(name=name, parent=parent or "", file=file)
    return ArtifactServiceStub(session.channel).RegisterModel(request, timeout=CALL_TIMEOUT_S).model


def push_dataset(session: Session, path: Path, name: str) -> Any:
    """The Dataset message after the push of a file or a folder."""
    with packed(path) as file:
        return push_checked(session, file, read_dataset(file, path), name)


def push_checked(session: Session, file: Path, facts: Facts, name: str) -> Any:
    """The Dataset message after the push of a file that was looked through."""
    with _progress(file) as progress:
        artifact = upload(session, file, progress)
    dataset = pb.Dataset(
        name=name,
        artifact=run_pb2.ArtifactRef(digest=artifact.digest, size_bytes=artifact.size_bytes),
        task=facts.task,
        sample_count=facts.sample_count,
    )
    request = pb.RegisterDatasetRequest(dataset=dataset)
    return ArtifactServiceStub(session.channel).RegisterDataset(request, timeout=CALL_TIMEOUT_S).dataset


@contextmanager
def _progress(path: Path) -> Iterator[Progress | None]:
    """A bar on a terminal; nothing elsewhere."""
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import DownloadColumn, TransferSpeedColumn
    from rich.progress import Progress as Bars

    from benchfleet.core.errors import one_line

    console = Console(stderr=True)
    if not console.is_terminal:
        yield None
        return
    with Bars(*Bars.get_default_columns(), DownloadColumn(), TransferSpeedColumn(), console=console) as bars:
        task = bars.add_task(escape(one_line(path.name, limit=60)), total=None)
        yield lambda done, total: bars.update(task, completed=done, total=total)
