"""Reading a policy from a file, through the strict documents that every kind goes through."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.tokens import AliasToken

from benchfleet.controller.documents import load_document
from benchfleet.controller.policies.document import Policy, policy_of
from benchfleet.core.errors import DocumentError

POLICY_LIMIT_BYTES = 256 * 1024
"""A policy is a page of text; anything near this is a wrong file."""


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
    try:
        with path.open("rb") as stream:
            raw = stream.read(POLICY_LIMIT_BYTES + 1)
        text = raw.decode("utf-8")
    except OSError as error:
        raise DocumentError(f"cannot read policy {path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise DocumentError(f"policy {path} is not UTF-8 text") from error
    if len(raw) > POLICY_LIMIT_BYTES:
        raise DocumentError(f"policy {path} is larger than {POLICY_LIMIT_BYTES // 1024} KiB; is it a policy?")
    return policy_of(parse_yaml(text, source=str(path)), source=str(path))


def parse_yaml(text: str, *, source: str) -> Mapping[str, Any]:
    """The policy in YAML text as plain data."""
    _refuse_aliases(text, source)
    document = load_document(text, source, PolicyDocument)
    return {
        key: value for key, value in document.model_dump(by_alias=True, exclude_unset=True).items() if value is not None
    }


def _refuse_aliases(text: str, source: str) -> None:
    """A few lines of aliases expand without end; a policy has no use for them."""
    with suppress(YAMLError, ValueError, RecursionError):  # what is no YAML is the loader's to say
        for token in YAML(typ="safe", pure=True).scan(text):
            if isinstance(token, AliasToken):
                raise DocumentError(f"{source}:{token.start_mark.line + 1}: YAML aliases are not taken; write it out")
