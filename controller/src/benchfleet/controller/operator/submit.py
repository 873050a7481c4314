"""Makes a campaign once: the key is on disk before it is sent, so that a try after a cut finds the same campaign."""

from __future__ import annotations

import hashlib
import os
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import platformdirs

from benchfleet.controller.client.connection import CALL_TIMEOUT_S, Session
from benchfleet.core.errors import BenchfleetError, StateError, UnreachableError
from benchfleet.v1.campaign_pb2 import CreateCampaignRequest, ReplayRunRequest
from benchfleet.v1.campaign_pb2_grpc import CampaignServiceStub

GONE = "GONE"
"""The controller answered, and the device is what does not: nothing was made."""


def submit(session: Session, text: str, folder: Path | None = None) -> Any:
    """The Campaign message of a document."""

    def send(key: str) -> Any:
        request = CreateCampaignRequest(document_yaml=text, idempotency_key=key)
        return CampaignServiceStub(session.channel).CreateCampaign(request, timeout=CALL_TIMEOUT_S).campaign

    return once(session, text, send, folder)


def replay(session: Session, run_id: str, folder: Path | None = None) -> Any:
    """The ReplayRunResponse of a run."""

    def send(key: str) -> Any:
        request = ReplayRunRequest(run_id=run_id, idempotency_key=key)
        return CampaignServiceStub(session.channel).ReplayRun(request, timeout=CALL_TIMEOUT_S)

    return once(session, f"replay {run_id}", send, folder)


def once(session: Session, text: str, send: Callable[[str], Any], folder: Path | None = None) -> Any:
    """Sends with a key. It outlives a call whose answer did not come, and nothing else."""
    file = _key_file(session.controller, text, folder or platformdirs.user_state_path("benchfleet") / "pending")
    key = _key(file)
    import grpc

    from benchfleet.controller.client.connection import converted

    try:
        answer = send(key)
    except grpc.RpcError as error:
        ours: BenchfleetError = converted(error, session.controller)
        if not isinstance(ours, UnreachableError) or ours.reason == GONE:
            file.unlink(missing_ok=True)
        raise ours from error
    file.unlink(missing_ok=True)
    return answer


def _key_file(controller: str, text: str, folder: Path) -> Path:
    return folder / hashlib.sha256(f"{controller}\0{text}".encode()).hexdigest()


def _key(file: Path) -> str:
    """The key that an earlier try left, or a new one that is on disk when this returns."""
    try:
        if file.is_file() and (held := file.read_text().strip()):
            return held
        file.parent.mkdir(parents=True, exist_ok=True)
        key = str(uuid.uuid4())
        with file.open("w") as stream:
            stream.write(key)
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        raise StateError(f"{file}: cannot be written ({error.strerror}); set XDG_STATE_HOME to a folder") from error
    return key
