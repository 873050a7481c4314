"""What `validate` does between a file and a gate: push under a name made of its digest, run, wait."""

from __future__ import annotations

import json
import re
import uuid
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import grpc
import numpy as np

from benchfleet.controller.catalog import CampaignRecord
from benchfleet.controller.cli._records import fetch
from benchfleet.controller.client.connection import CALL_TIMEOUT_S, Session, converted
from benchfleet.controller.client.transfer import upload
from benchfleet.controller.comparison.compare import why_of
from benchfleet.controller.inspection import inspect_model
from benchfleet.core.errors import DocumentError, NotFoundError, UnreachableError, one_line
from benchfleet.v1 import artifact_pb2, campaign_pb2, run_pb2
from benchfleet.v1.artifact_pb2_grpc import ArtifactServiceStub
from benchfleet.v1.campaign_pb2_grpc import CampaignServiceStub

MODEL_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}:[a-z0-9][a-z0-9._-]{0,62}")
RUNTIMES = {"onnx": "onnxruntime", "tflite": "litert"}
"""The runtime that a format is measured with unless --runtime says another."""

ENDED = (
    campaign_pb2.CAMPAIGN_STATE_COMPLETED,
    campaign_pb2.CAMPAIGN_STATE_COMPLETED_WITH_FAILURES,
    campaign_pb2.CAMPAIGN_STATE_CANCELLED,
)
CUTS_MAX = 5
"""Of the watch, in a row without news; then the controller is gone."""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What the command line said."""

    model: str
    selector: str
    dataset: str | None
    baseline: str | None
    profile: str
    runtime: str | None


def measured(session: Session, request: Request, *, say: Say) -> CampaignRecord:
    """The finished campaign. An interrupt cancels it, so that no device works for nobody."""
    name, found = _registered(session, request, say)
    if request.dataset is not None and Path(request.dataset).is_file():
        request = replace(request, dataset=_pushed_dataset(session, Path(request.dataset), say))
    document = campaign_document(request, name, RUNTIMES.get(found, found))
    stub = CampaignServiceStub(session.channel)
    made = stub.CreateCampaign(
        campaign_pb2.CreateCampaignRequest(document_yaml=document, idempotency_key=str(uuid.uuid4())),
        timeout=CALL_TIMEOUT_S,
    )
    campaign_id = made.campaign.id
    say(f"campaign {campaign_id}: {name} on {request.selector}")
    try:
        wait(session, campaign_id, say)
    except KeyboardInterrupt:
        cancel = campaign_pb2.CancelCampaignRequest(campaign_id=campaign_id, reason="validate was interrupted")
        stub.CancelCampaign(cancel, timeout=CALL_TIMEOUT_S)
        raise
    return fetch(session, campaign_id)


def wait(session: Session, campaign_id: str, say: Say) -> None:
    """Returns when the campaign has ended; goes on watching after a cut. UnreachableError after five in a row."""
    stub, cuts, before = CampaignServiceStub(session.channel), 0, ""
    while True:
        try:
            for news in stub.WatchCampaign(campaign_pb2.WatchCampaignRequest(campaign_id=campaign_id)):
                cuts = 0
                counts = ", ".join(
                    f"{count} {state.lower()}" for state, count in sorted(news.campaign.run_counts.items())
                )
                if counts and counts != before:
                    say(f"runs: {counts}")
                    before = counts
                if news.campaign.state in ENDED:
                    return
        except grpc.RpcError as error:
            if not isinstance(error, grpc.Call) or error.code() is not grpc.StatusCode.UNAVAILABLE:
                raise converted(error, session.controller) from error
        cuts += 1
        if cuts >= CUTS_MAX:
            raise UnreachableError(f"{session.controller}: the watch of {campaign_id} broke {cuts} times; see `watch`")


def campaign_document(request: Request, name: str, runtime: str) -> str:
    """The campaign as JSON, which is YAML."""
    document: dict[str, Any] = {
        "apiVersion": "benchfleet/v1",
        "kind": "Campaign",
        "name": f"validate-{name.replace(':', '-')}"[:63],
        "models": [name],
        "devices": {"selector": request.selector},
        "matrix": {"runtime": [request.runtime or runtime]},
        "scenarios": ["single_stream"],
        "measure": {"profile": request.profile},
    }
    if request.dataset is not None:
        document["dataset"] = request.dataset
    if request.baseline is not None:
        document["baseline"] = {"model": request.baseline}
    return json.dumps(document, indent=1)


def temporary_name(path: Path, digest: str) -> str:
    """NAME:TAG from the file's name and digest: the same bytes get the same name, other bytes another."""
    stem = re.sub(r"[^a-z0-9._-]+", "-", path.stem.lower()).strip("-._")[:32]
    return f"validate-{stem or 'model'}:{digest[:16]}"


def runs_failed(campaign: CampaignRecord) -> list[str]:
    """One line for each run that ended without measuring, by its own fault or its device's."""
    return [
        one_line(f"run {run.run_id} on {run.device} {run.state}: {why_of(run)}", limit=400)
        for run in campaign.runs
        if run.state in ("failed", "unschedulable")
    ]


def _registered(session: Session, request: Request, say: Say) -> tuple[str, str]:
    """The name and format to measure; a file is pushed first."""
    path = Path(request.model)
    if path.exists() or MODEL_NAME.fullmatch(request.model) is None:
        return _pushed(session, path, request.baseline, say)
    return request.model, _format_of(session, request)


def _pushed(session: Session, path: Path, parent: str | None, say: Say) -> tuple[str, str]:
    facts = inspect_model(path)
    name = temporary_name(path, facts.digest)
    artifact = upload(session, path)
    if artifact.digest != facts.digest:
        raise DocumentError(f"{path}: the file changed while it was read; try again")
    file = artifact_pb2.ModelFile(
        format=facts.format,
        artifact=run_pb2.ArtifactRef(digest=artifact.digest, size_bytes=artifact.size_bytes),
        facts_json=json.dumps(facts.to_json()),
    )
    stub = ArtifactServiceStub(session.channel)
    stub.RegisterModel(
        artifact_pb2.RegisterModelRequest(name=name, parent=parent or "", file=file), timeout=CALL_TIMEOUT_S
    )
    say(f"pushed {path.name} as {name}")
    return name, facts.format


def dataset_facts(path: Path) -> tuple[str, int]:
    """Task and number of samples of a data set file; DocumentError when it is none."""
    try:
        with zipfile.ZipFile(path) as archive:
            about = json.loads(archive.read("dataset.json"))
        with np.load(path, allow_pickle=False) as arrays:
            lengths = {len(arrays[name]) for name in arrays.files if name != "dataset.json"}
        if len(lengths) != 1:
            raise DocumentError(f"{path}: its arrays have different lengths {sorted(lengths)}")
        return str(about["task"]), lengths.pop()
    except (OSError, KeyError, TypeError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        raise DocumentError(f"{path}: not a data set file, an .npz with dataset.json and arrays ({error})") from error


def _pushed_dataset(session: Session, path: Path, say: Say) -> str:
    task, count = dataset_facts(path)
    artifact = upload(session, path)
    name = temporary_name(path, artifact.digest).replace(":", "-")
    message = artifact_pb2.Dataset(
        name=name,
        artifact=run_pb2.ArtifactRef(digest=artifact.digest, size_bytes=artifact.size_bytes),
        task=task,
        sample_count=count,
    )
    request = artifact_pb2.RegisterDatasetRequest(dataset=message)
    ArtifactServiceStub(session.channel).RegisterDataset(request, timeout=CALL_TIMEOUT_S)
    say(f"pushed {path.name} as {name}")
    return name


def _format_of(session: Session, request: Request) -> str:
    stub, page = ArtifactServiceStub(session.channel), ""
    while True:
        reply = stub.ListModels(artifact_pb2.ListModelsRequest(page_token=page), timeout=CALL_TIMEOUT_S)
        for model in reply.models:
            if model.name == request.model:
                return str(model.files[0].format)
        page = reply.next_page_token
        if not page:
            raise NotFoundError(f"no file and no model {request.model}; `benchfleet models ls` shows what was pushed")
