"""What every gate keeps to, whoever wrote it."""

from __future__ import annotations

import pytest

from benchfleet.controller.gates import GROUP, PACKAGE
from benchfleet.core import plugins
from benchfleet.core.errors import DocumentError
from benchfleet.core.results import Reason
from tests.support.campaigns import campaign, fleet, paired, result, run

GATES = sorted(plugins.load_all(PACKAGE, GROUP).items())
CANDIDATES = [
    ("latency_p50", "< 33 ms"), ("accuracy_drop", "< 1 pp"), ("model_size", "< 1 MB"), ("verdict", "valid"),
    ("verdict", "degraded"), ("accuracy_top1", ">= 90 %"),
]  # fmt: skip
NOISE = Reason(flag="background_load", severity="invalid", detail="31 %")


def examples(module):
    """The parameters of every line of a policy that this gate accepts."""
    found = []
    for name, value in CANDIDATES:
        try:
            found.append(module.parse(name, value))
        except DocumentError:
            continue
    assert found, "no example of this gate here: add a line to CANDIDATES"
    return found


@pytest.mark.parametrize(("name", "module"), GATES)
class TestGate:
    def test_refuses_nonsense_in_one_line(self, name, module):
        for value in (None, True, [], {"a": 1}, "??", 3):
            with pytest.raises(DocumentError) as error:
                module.parse(name, value)
            assert "\n" not in str(error.value)

    def test_never_passes_or_fails_without_a_measurement(self, name, module):
        for record in (
            run("r", state="failed", reason="agent_lost"),
            run("r", state="cancelled"),
            run("r", state="queued"),
            run("r", measured=result(reasons=(NOISE,))),
        ):
            for params in examples(module):
                verdict = module.check((record,), None, params)
                assert verdict.outcome == "no_evidence"
                assert verdict.why

    def test_says_outcome_limit_and_why_for_any_run(self, name, module):
        for record in (*fleet(12).runs, paired("digits:int8", 4.0, (0.5, 0.4, 0.6))):
            for params in examples(module):
                verdict = module.check((record,), fleet(12).runs[0], params)
                assert verdict.outcome in ("pass", "fail", "no_evidence")
                assert verdict.limit
                assert verdict.why

    def test_worst_of_several_runs_decides(self, name, module):
        good, lost = campaign(paired("m:a", 4.0, (0.5, 0.4, 0.6))).runs[0], run("l", state="failed", reason="lost")
        for params in examples(module):
            alone = module.check((good,), good, params).outcome
            both = module.check((good, lost), good, params).outcome
            assert both == ("fail" if alone == "fail" else "no_evidence")
