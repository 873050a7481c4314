"""JUnit XML that any CI viewer reads."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from benchfleet.controller.policies.document import policy_of
from benchfleet.controller.policies.evaluate import evaluate
from benchfleet.controller.policies.junit import junit_xml
from tests.support.campaigns import campaign, fleet, result, run

HARD = {"latency_p50": "< 6 ms", "latency_p999": "< 1 s"}


def decide(record, **sections):
    return evaluate(policy_of({"apiVersion": "benchfleet/v1", "kind": "Policy", **sections}), record)


def parsed(decision):
    return ET.fromstring(junit_xml(decision))


def test_one_suite_a_device_and_one_case_a_cell_and_constraint():
    decision = decide(fleet(12), hard=HARD)
    root = parsed(decision)
    assert {suite.get("name") for suite in root} == {"pi5", "orin-nano"}
    assert len(root.findall(".//testcase")) == 2 * len(decision.cells)
    names = [(c.get("classname"), c.get("name")) for c in root.iter("testcase")]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(("on_no_evidence", "kind"), [("fail", "failure"), ("no_evidence", "error"), ("pass", None)])
def test_missing_evidence_shows_as_the_policy_says(on_no_evidence, kind):
    root = parsed(decide(fleet(12), hard={"latency_p999": "< 1 s"}, on_no_evidence=on_no_evidence))
    cases = root.findall(".//testcase")
    assert cases
    for case in cases:
        assert [child.tag for child in case if child.tag in ("failure", "error")] == ([kind] if kind else [])


def test_counts_are_those_of_the_cases():
    root = parsed(decide(fleet(12), hard=HARD))
    for element in (root, *root):
        assert int(element.get("tests")) == len(element.findall(".//testcase"))
        assert int(element.get("failures")) == len(element.findall(".//failure"))
        assert int(element.get("errors")) == len(element.findall(".//error"))


def test_soft_constraint_never_turns_a_build_red():
    root = parsed(decide(fleet(12), soft={"latency_p50": "< 1 us"}))
    assert root.findall(".//testcase")
    assert not root.findall(".//failure")
    assert not root.findall(".//error")


def test_characters_that_xml_forbids_are_replaced():
    nasty = 'a\x00\x1b[31m<b>&"\udc80\ufffe\U0001f600'
    record = campaign(run("r", model=nasty, device=nasty, measured=result()), baseline=None)
    xml = junit_xml(decide(record, hard={"latency_p50": "< 1 ms"}))
    root = ET.fromstring(xml)
    assert '<b>&"' in root[0].get("name")
    assert "\U0001f600" in root[0].get("name")
    assert b"\x1b" not in xml
