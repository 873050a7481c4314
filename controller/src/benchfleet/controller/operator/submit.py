"""Makes a campaign once: the key is on disk before it is sent, so that a try after a cut finds the same campaign."""

from __future__ import annotations

import hashlib
import os
import uuid
from pathlib import Path
from typing import Any

import platformdirs

from benchfleet.controller.client.connection import CALL_TIMEOUT_S, Session
from benchfleet.core.errors import BenchfleetError, StateError, UnreachableError
from benchfleet.v1.campaign_pb2 import CreateCampaignRequest
from benchfleet.v1.campaign_pb2_grpc import CampaignServiceStub


def submit(session: Session, text: str, folder: Path | None = None) -> Any:
    """The Campaign message. The key outlives a call whose answer did not come, and nothing else."""
    file = _key_file(session.controller, text, folder or platformdirs.user_state_path("benchfleet") / "pending")
    key = _key(file)
    request = CreateCampaignRequest(document_yaml=text, idempotency_key=key)
    import grpc

    from benchfleet.controller.client.connection import converted

    try:
        campaign = CampaignServiceStub(session.channel).CreateCampaign(request, timeout=CALL_TIMEOUT_S).campaign
    except grpc.RpcError as error:
        ours: BenchfleetError = converted(error, session.controller)
        if not isinstance(ours, UnreachableError):
            file.unlink(missing_ok=True)
        raise ours from error
    file.unlink(missing_ok=True)
    return campaign


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
