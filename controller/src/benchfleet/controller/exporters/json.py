"""Everything, lossless: the campaign with every run and every result in its own schema (core/results.py)."""

from __future__ import annotations

import json
from dataclasses import MISSING, fields
from typing import Any, BinaryIO

from benchfleet.controller.catalog import CampaignRecord, RunRecord
from benchfleet.core.errors import DocumentError
from benchfleet.core.results import from_json, to_json

MEDIA_TYPE = "application/json"
SCHEMA = 1


def write(results: CampaignRecord, stream: BinaryIO) -> None:
    """One JSON document; ASCII with escapes, so that any text survives, lone surrogates too."""
    stream.write(json.dumps(document(results), indent=1, allow_nan=False, ensure_ascii=True).encode("ascii"))
    stream.write(b"\n")


def document(campaign: CampaignRecord) -> dict[str, Any]:
    """The campaign as plain data."""
    plain = {f.name: getattr(campaign, f.name) for f in fields(campaign) if f.name not in ("runs", "pruned")}
    return {
        "schema": SCHEMA,
        "kind": "CampaignExport",
        **plain,
        "pruned": list(campaign.pruned),
        "runs": [_run(run) for run in campaign.runs],
    }


def _run(run: RunRecord) -> dict[str, Any]:
    plain = {f.name: getattr(run, f.name) for f in fields(run) if f.name != "result"}
    return {**plain, "result": to_json(run.result) if run.result is not None else None}


def read(payload: bytes) -> CampaignRecord:
    """The campaign of an export; DocumentError when the bytes are not one."""
    try:
        data = json.loads(payload)
        if data["kind"] != "CampaignExport" or data["schema"] != SCHEMA:
            raise DocumentError(f"not a campaign export of schema {SCHEMA}; write one with `benchfleet export`")
        plain = {f.name: data[f.name] for f in fields(CampaignRecord) if f.name not in ("runs", "pruned")}
        return CampaignRecord(**plain, pruned=tuple(data["pruned"]), runs=tuple(_read_run(run) for run in data["runs"]))
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise DocumentError(f"not a campaign export ({error!r:.120})") from error


def _read_run(data: dict[str, Any]) -> RunRecord:
    named = [f.name for f in fields(RunRecord) if f.name != "result" and (f.name in data or f.default is MISSING)]
    plain = {name: data[name] for name in named}  # an export of an older version lacks what has a default
    return RunRecord(**plain, result=from_json(data["result"]) if data["result"] is not None else None)
