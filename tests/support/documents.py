"""Campaign documents for tests, as YAML text."""

from __future__ import annotations

import json
from typing import Any


def campaign(**changes: Any) -> str:
    """A small campaign of the quick profile; `changes` replace keys, None drops one."""
    document: dict[str, Any] = {
        "apiVersion": "benchfleet/v1",
        "kind": "Campaign",
        "name": "test",
        "models": ["digits:fp32", "digits:int8"],
        "devices": {"selector": "fleet=test"},
        "matrix": {"runtime": ["onnxruntime"], "threads": [1]},
        "scenarios": ["single_stream"],
        "dataset": "digits-test",
        "measure": {"profile": "quick"},
        **changes,
    }
    # JSON is YAML.
    return json.dumps({key: value for key, value in document.items() if value is not None})
