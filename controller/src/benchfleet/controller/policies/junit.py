"""A gate's decision as JUnit XML, the form that CI systems show: one suite a device, one case a cell and constraint.

A failed hard constraint is a failure; missing evidence is an error (or what the policy makes of it); a soft constraint
that does not hold is a passed case with a note in its output, for it must not turn a build red.
"""

from __future__ import annotations

from xml.etree import ElementTree as ET

from benchfleet.controller.policies.evaluate import Check, Decision, Gated


def junit_xml(decision: Decision) -> bytes:
    """The document, UTF-8, without characters that XML forbids."""
    root = ET.Element("testsuites", name=_clean(f"benchfleet gate {decision.policy.name}"))
    for device in dict.fromkeys(cell.run.device for cell in decision.cells):
        suite = ET.SubElement(root, "testsuite", name=_clean(device))
        for cell in decision.cells:
            if cell.run.device == device:
                for check in cell.checks:
                    _case(suite, decision, cell, check)
        _count(suite, [suite])
    _count(root, list(root))
    ET.indent(root)
    document: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return document


def _case(suite: ET.Element, decision: Decision, cell: Gated, check: Check) -> None:
    verdict, hard = check.verdict, check.hard
    name = f"{check.constraint.name} {verdict.limit}" if hard else f"{check.constraint.name} {verdict.limit} (soft)"
    classname = _clean(f"{cell.run.device}.{cell.run.cell_key}")
    case = ET.SubElement(suite, "testcase", classname=classname, name=_clean(name), time="0")
    message = f"observed {verdict.observed or 'nothing'}, limit {verdict.limit}: {verdict.why}"
    outcome = verdict.outcome
    forgiven = outcome == "no_evidence" and decision.policy.on_no_evidence == "pass"
    if hard and not forgiven and outcome != "pass":
        failed = outcome == "fail" or decision.policy.on_no_evidence == "fail"
        kind = "failure" if failed else "error"
        found = ET.SubElement(case, kind, message=_clean(message), type=outcome)
        found.text = _clean(f"run {cell.run.run_id}\n{message}")
    else:
        ET.SubElement(case, "system-out").text = _clean(f"{outcome}: {message}")


def _count(element: ET.Element, suites: list[ET.Element]) -> None:
    cases = [case for suite in suites for case in suite.iter("testcase")]
    element.set("tests", str(len(cases)))
    for attribute, tag in (("failures", "failure"), ("errors", "error")):
        element.set(attribute, str(sum(case.find(tag) is not None for case in cases)))
    element.set("skipped", "0")
    element.set("time", "0")


def _clean(text: str) -> str:
    """Only characters of XML 1.0; a lone surrogate or control character becomes U+FFFD."""
    return "".join(c if _allowed(ord(c)) else "\ufffd" for c in text)


def _allowed(code: int) -> bool:
    return code in (0x9, 0xA) or 0x20 <= code <= 0xD7FF or 0xE000 <= code <= 0xFFFD or 0x10000 <= code <= 0x10FFFF
