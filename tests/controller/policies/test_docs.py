"""The policy in docs/gates.md is one that loads and says what the text says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchfleet.controller.policies.document import policy_of, profiles
from benchfleet.controller.policies.evaluate import evaluate
from benchfleet.controller.policies.load import parse_yaml
from tests.support.campaigns import fleet

PAGE = (Path(__file__).parents[3] / "docs" / "gates.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```yaml\n(.*?)```", PAGE, flags=re.DOTALL)


def test_the_page_has_an_example():
    assert EXAMPLES


@pytest.mark.parametrize("text", EXAMPLES)
def test_every_example_loads_and_gates_a_campaign(text):
    policy = policy_of(parse_yaml(text, source="docs/gates.md"))
    names = {constraint.name for constraint in policy.constraints}
    assert "power_mean" not in names
    assert {"latency_p99", "accuracy_drop", "verdict", "throughput"} <= names
    assert evaluate(policy, fleet(12)).outcome == "fail"


def test_the_page_names_every_shipped_profile():
    assert all(f"`{name}`" in PAGE for name in profiles())
