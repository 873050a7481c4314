"""The documents that are shown as examples are documents that work."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchfleet.controller.policies.load import load_policy

ROOT = Path(__file__).parents[2]
POLICIES = [ROOT / "examples/policy.yaml", ROOT / "controller/src/benchfleet/controller/demo/policy.yaml"]


@pytest.mark.parametrize("path", POLICIES, ids=lambda p: p.parent.name)
def test_an_example_policy_loads_and_decides_something(path):
    assert any(constraint.weight is None for constraint in load_policy(path).constraints)
