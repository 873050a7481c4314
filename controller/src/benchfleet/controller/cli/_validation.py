"""What `validate` does between a file and a gate: push under a name made of its digest, run, wait."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from benchfleet.controller.campaigns.selector import parse_selector
from benchfleet.controller.catalog import CampaignRecord
from benchfleet.controller.cli._records import fetch
from benchfleet.controller.client.connection import CALL_TIMEOUT_S, Session
from benchfleet.controller.client.transfer import artifact_of
from benchfleet.controller.comparison.compare import why_of
from benchfleet.controller.names import MODEL_NAME
from benchfleet.controller.operator.follow import follow
from benchfleet.controller.operator.pages import every
from benchfleet.controller.operator.push import push_dataset, push_model
from benchfleet.controller.operator.submit import submit
from benchfleet.core.errors import DocumentError, NotFoundError, UnreachableError, one_line
from benchfleet.core.formats import FORMATS
from benchfleet.v1 import artifact_pb2, campaign_pb2
from benchfleet.v1.artifact_pb2_grpc import ArtifactServiceStub
from benchfleet.v1.campaign_pb2_grpc import CampaignServiceStub
from benchfleet.v1.fleet_pb2 import ListDevicesRequest
from benchfleet.v1.fleet_pb2_grpc import FleetServiceStub

RUNTIMES = {name: kind.runtime for name, kind in FORMATS.items()}
"""The runtime that a format is measured with unless --runtime says another."""

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
    threads: int = 1
    batch: int = 1
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)


def measured(session: Session, request: Request, *, say: Say) -> CampaignRecord:
    """The finished campaign. An interrupt cancels it, so that no device works for nobody."""
    check_devices(list(every(FleetServiceStub(session.channel).ListDevices, ListDevicesRequest, "devices")), request)
    name, found = _registered(session, request, say)
    if request.dataset is not None and Path(request.dataset).is_file():
        path = Path(request.dataset)
        dataset = temporary_name(path, artifact_of(path).digest).replace(":", "-")
        request = replace(request, dataset=push_dataset(session, path, dataset).name)
    campaign_id = submit(session, campaign_document(request, name, RUNTIMES.get(found, found))).id
    say(f"campaign {campaign_id}: {name} on {request.selector}")
    try:
        before = ""
        for news in follow(session, campaign_id, say=say):
            counts = ", ".join(f"{count} {state.lower()}" for state, count in sorted(news.campaign.run_counts.items()))
            if counts not in ("", before):
                say(f"runs: {counts}")
                before = counts
    except KeyboardInterrupt:
        cancel = campaign_pb2.CancelCampaignRequest(campaign_id=campaign_id, reason="validate was interrupted")
        CampaignServiceStub(session.channel).CancelCampaign(cancel, timeout=CALL_TIMEOUT_S)
        raise
    return fetch(session, campaign_id)


def campaign_document(request: Request, name: str, runtime: str) -> str:
    """The campaign as JSON, which is YAML."""
    document: dict[str, Any] = {
        "apiVersion": "benchfleet/v1",
        "kind": "Campaign",
        "name": f"validate-{name.removeprefix('validate-').replace(':', '-')}"[:63],
        "models": [name],
        "devices": {"selector": request.selector},
        "matrix": {
            "runtime": [request.runtime or runtime],
            "threads": [request.threads],
            "batch": [request.batch],
        },
        "scenarios": ["single_stream" if request.batch == 1 else "offline"],
        "measure": {"profile": request.profile},
    }
    if request.dataset is not None:
        document["dataset"] = request.dataset
    if request.baseline is not None:
        document["baseline"] = {"model": request.baseline}
    if request.shapes:
        document["shapes"] = {name: "x".join(map(str, sizes)) for name, sizes in request.shapes.items()}
    return json.dumps(document, indent=1)


def check_devices(devices: Sequence[Any], request: Request) -> None:
    """Before a model is pushed for nobody: DocumentError when no device is meant, UnreachableError when none came yet.

    `devices` are messages; one that has enrolled and never connected has no facts, only its name and labels.
    """
    meant = parse_selector(request.selector)
    chosen = [d for d in devices if meant({**d.labels, **_facts(d)})]
    if not chosen:
        names = ", ".join(d.name for d in devices[:20]) or "none yet; join one with `benchfleet token create`"
        raise DocumentError(f"--on {request.selector!r} matches no device; devices: {names}")
    if not any(d.HasField("inventory") for d in chosen):
        names = ", ".join(d.name for d in chosen[:20])
        raise UnreachableError(f"{names}: joined but never connected; start `benchfleet-agent run` there")


def _facts(device: Any) -> dict[str, str]:
    """What a selector may ask for, beside labels."""
    known = {"name": device.name}
    if device.HasField("inventory"):
        known |= {key: getattr(device.inventory, key) for key in ("hostname", "board", "arch", "os")}
    return known


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
    if not path.exists() and MODEL_NAME.fullmatch(request.model):
        return request.model, _format_of(session, request.model)
    model = push_model(session, path, temporary_name(path, artifact_of(path).digest), request.baseline)
    say(f"pushed {path.name} as {model.name}")
    return str(model.name), str(model.files[0].format)


def _format_of(session: Session, name: str) -> str:
    stub, page = ArtifactServiceStub(session.channel), ""
    while True:
        reply = stub.ListModels(artifact_pb2.ListModelsRequest(page_token=page), timeout=CALL_TIMEOUT_S)
        for model in reply.models:
            if model.name == name:
                return str(model.files[0].format)
        page = reply.next_page_token
        if not page:
            raise NotFoundError(f"no file and no model {name}; `benchfleet models ls` shows what was pushed")
