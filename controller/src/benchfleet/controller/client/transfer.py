"""Files to and from the controller, by digest, going on where a cut left off.

Bytes are hashed as they pass: what is named by a digest has that digest when a function here returns.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc

from benchfleet.controller.client.connection import CALL_TIMEOUT_S, Session, converted
from benchfleet.controller.client.local_file import regular_file
from benchfleet.core.errors import DocumentError, StateError, UnreachableError
from benchfleet.core.runspec import Artifact
from benchfleet.core.wire import CHUNK_BYTES
from benchfleet.v1 import artifact_pb2 as pb
from benchfleet.v1.artifact_pb2_grpc import ArtifactServiceStub

ATTEMPTS_MAX = 5
"""Of one transfer: a link that breaks five times in a row without progress is down."""

Progress = Callable[[int, int], None]
"""Called with bytes done and bytes in all."""


def artifact_of(path: Path) -> Artifact:
    """Digest and size of a file; DocumentError when it cannot be read, or pushed."""
    regular_file(path, "file")
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            size_bytes = file.tell()
    except OSError as error:
        raise DocumentError(f"{path}: cannot be read ({error.strerror})") from error
    return Artifact(digest=digest, size_bytes=size_bytes)


def upload(session: Session, path: Path, progress: Progress | None = None) -> Artifact:
    """Stores a file at the controller and returns its digest and size; at once when it is there already."""
    artifact = artifact_of(path)
    stub = ArtifactServiceStub(session.channel)
    failures, before = 0, -1
    while True:
        try:
            held = stub.GetUpload(pb.GetUploadRequest(digest=artifact.digest), timeout=CALL_TIMEOUT_S)
            if not held.complete:
                offset = held.held_bytes if held.held_bytes <= artifact.size_bytes else 0
                failures, before = (0, offset) if offset > before else (failures, before)
                stub.Upload(_requests(path, artifact, offset, progress))
        except grpc.RpcError as error:
            failures += 1
            if failures >= ATTEMPTS_MAX or not _worth_a_retry(error):
                raise converted(error, session.controller) from error
        else:
            if progress is not None:
                progress(artifact.size_bytes, artifact.size_bytes)
            return artifact


def download(session: Session, artifact: Artifact, target: Path, progress: Progress | None = None) -> None:
    """Writes an artifact to `target`, which appears only when it is whole and its digest agrees."""
    staged = target.with_name(f".{target.name}.part")
    try:
        with staged.open("wb") as file:
            digest = hashlib.sha256()
            for chunk in _chunks(session, artifact):
                file.write(chunk)
                digest.update(chunk)
                if progress is not None:
                    progress(file.tell(), artifact.size_bytes)
        if digest.hexdigest() != artifact.digest:
            raise StateError(f"{target}: what {session.controller} sent is not {artifact.digest[:12]}; try again")
        staged.replace(target)
    except OSError as error:
        raise StateError(f"{target}: cannot be written ({error.strerror})") from error
    finally:
        staged.unlink(missing_ok=True)


def _requests(path: Path, artifact: Artifact, offset: int, progress: Progress | None) -> Iterator[pb.UploadRequest]:
    with path.open("rb") as file:
        file.seek(offset)
        first = True
        while first or file.tell() < artifact.size_bytes:
            position = file.tell()
            request = pb.UploadRequest(offset=position, data=file.read(CHUNK_BYTES))
            if first:
                request.digest, request.size_bytes, first = artifact.digest, artifact.size_bytes, False
            elif not request.data:
                return  # the file shrank; the controller will say that bytes are missing
            yield request
            if progress is not None:
                progress(file.tell(), artifact.size_bytes)


def _chunks(session: Session, artifact: Artifact) -> Iterator[bytes]:
    stub = ArtifactServiceStub(session.channel)
    done, failures = 0, 0
    while done < artifact.size_bytes:
        try:
            for reply in stub.Download(pb.DownloadRequest(digest=artifact.digest, offset=done)):
                yield reply.data
                done += len(reply.data)
                failures = 0
            if done < artifact.size_bytes:
                raise UnreachableError(f"{session.controller}: the download ended early; try again")
        except grpc.RpcError as error:
            failures += 1
            if failures >= ATTEMPTS_MAX or not _worth_a_retry(error):
                raise converted(error, session.controller) from error


def _worth_a_retry(error: grpc.RpcError) -> bool:
    return isinstance(error, grpc.Call) and error.code() is grpc.StatusCode.UNAVAILABLE
