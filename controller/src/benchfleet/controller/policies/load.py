"""Reading a policy from a file, through the strict documents that every kind goes through."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from benchfleet.controller.documents import load_document, read_document
from benchfleet.controller.policies.document import Policy, policy_of


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Scope(_Strict):
    """Patterns on the fields of a run."""

    model: str | None = None
    device: str | None = None
    runtime: str | None = None
    format: str | None = None
    precision: str | None = None
    scenario: str | None = None
    threads: int | str | None = None
    batch: int | str | None = None


class PolicyDocument(_Strict):
    """The keys of a policy. What a limit means is checked by the gate that it belongs to."""

    api_version: Literal["benchfleet/v1"] = Field(alias="apiVersion")
    kind: Literal["Policy"]
    name: str | None = None
    extends: str | None = None
    hard: dict[str, Any] | None = None
    soft: dict[str, Any] | None = None
    scope: Scope | None = None
    on_no_evidence: Literal["fail", "pass", "no_evidence"] | None = None


def load_policy(path: Path) -> Policy:
    """The policy in a YAML file; DocumentError names the file, and the line where a key is wrong."""
    text = read_document(path, "policy")
    return policy_of(parse_yaml(text, source=str(path)), source=str(path))


def parse_yaml(text: str, *, source: str) -> Mapping[str, Any]:
    """The policy in YAML text as plain data."""
    document = load_document(text, source, PolicyDocument)
    return {
        key: value for key, value in document.model_dump(by_alias=True, exclude_unset=True).items() if value is not None
    }
