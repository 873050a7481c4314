"""Reading a policy from a file."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from benchfleet.controller.policies.document import Policy, policy_of
from benchfleet.core.errors import DocumentError

POLICY_LIMIT_BYTES = 256 * 1024
"""A policy is a page of text; anything near this is a wrong file."""


def load_policy(path: Path) -> Policy:
    """The policy in a YAML file; DocumentError names the file, and the line where YAML itself is wrong."""
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
    """The mapping in YAML text. Duplicate keys, tags of other languages and several documents are errors."""
    if "&" in text and "*" in text and text.count("*") > 100:
        raise DocumentError(f"{source}: too many YAML aliases")
    try:
        data = YAML(typ="safe", pure=True).load(io.StringIO(text))
    except MarkedYAMLError as error:
        where = f" line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise DocumentError(f"{source}{where}: {error.problem}") from error
    except (YAMLError, ValueError, RecursionError) as error:
        raise DocumentError(f"{source}: not YAML ({error})") from error
    if not isinstance(data, Mapping):
        raise DocumentError(f"{source}: a policy is a mapping that begins with apiVersion and kind")
    return data
