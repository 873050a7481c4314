"""The page on scenarios names every scenario and every parameter there is, and its document is a document."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchfleet.controller.campaigns.document import parse_campaign
from benchfleet.core import scenario

PAGE = (Path(__file__).parents[2] / "docs" / "scenarios.md").read_text()
HEAD = 'apiVersion: benchfleet/v1\nkind: Campaign\nname: x\nmodels: ["a:b"]\ndevices: [x]\nmatrix: {runtime: [null]}\n'


@pytest.mark.parametrize("name", scenario.names())
def test_a_scenario_is_in_the_table_with_its_parameters(name):
    (row,) = [line for line in PAGE.splitlines() if line.startswith(f"| `{name}` |")]
    for parameter in scenario.parameters(name):
        assert f"`{parameter}`" in row


def test_the_document_shown_is_taken_and_has_every_scenario():
    (shown,) = re.findall(r"```yaml\n(.*?)```", PAGE, flags=re.DOTALL)
    document = parse_campaign(HEAD.replace("[null]", "[onnxruntime]") + shown)
    assert {name for name, _ in document.scenario_list} == set(scenario.names())
