"""The documents that are shown as examples are documents that work."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchfleet.controller.campaigns.document import parse_campaign
from benchfleet.controller.policies.load import load_policy

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "controller/src/benchfleet/controller/demo"


@pytest.mark.parametrize(
    "path", [ROOT / "examples/policy.yaml", DEMO / "policy.yaml", DEMO / "policy-fleet.yaml"], ids=lambda p: p.stem
)
def test_an_example_policy_loads_and_decides_something(path):
    assert any(constraint.weight is None for constraint in load_policy(path).constraints)


@pytest.mark.parametrize("path", [ROOT / "examples/campaign.yaml", DEMO / "campaign.yaml"], ids=lambda p: p.stem)
def test_an_example_campaign_loads(path):
    assert parse_campaign(path.read_text(), path.name).models
