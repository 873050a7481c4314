"""Whatever an agent flags, the report says what it means and what to do."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from benchfleet.controller.comparison.compare import compare
from benchfleet.controller.reports import Subject
from benchfleet.controller.reports.validity import EXPLAINED, render
from benchfleet.core.results import Reason
from tests.support.campaigns import campaign, result, run

AGENT = Path(__file__).parents[3] / "agent/src/benchfleet/agent"


def flags(source: str) -> Iterator[str]:
    """First arguments of degraded and invalid, however one of them is chosen, and `flag=` of a Reason."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        called = {name.id for name in ast.walk(node.func) if isinstance(name, ast.Name)}
        values = [k.value for k in node.keywords if k.arg == "flag"] if "Reason" in called else []
        if called & {"degraded", "invalid"}:
            values += node.args[:1]
        yield from (v.value for v in values if isinstance(v, ast.Constant) and isinstance(v.value, str))


def test_every_flag_of_the_agent_has_a_text_that_says_what_to_do():
    raised = {flag for file in AGENT.rglob("*.py") for flag in flags(file.read_text())}
    assert {"background_load", "turn_not_taken", "nan_inf", "simulated"} <= raised
    assert sorted(raised - set(EXPLAINED)) == []


def test_what_made_results_invalid_comes_first():
    minor = Reason(flag="ci_target_not_met", severity="degraded", detail="wide")
    major = Reason(flag="nan_inf", severity="invalid", detail="3 NaN")
    runs = [run("a", measured=result(reasons=(minor,))), run("b", threads=4, measured=result(reasons=(major,)))]
    html = str(render(Subject(comparison=compare(campaign(*runs), None))))
    assert html.index("nan_inf") < html.index("ci_target_not_met")


def test_a_flag_is_shown_with_its_text_and_every_run_it_touches():
    reason = Reason(flag="steal", severity="degraded", detail="the hypervisor took <9 %>")
    runs = [run(name, threads=threads, measured=result(reasons=(reason,))) for name, threads in (("a", 1), ("b", 4))]
    html = str(render(Subject(comparison=compare(campaign(*runs), None))))
    assert EXPLAINED["steal"] in html
    assert html.count("took &lt;9 %&gt;") == 2
