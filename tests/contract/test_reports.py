"""What every report section keeps to, whoever wrote it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from markupsafe import Markup

from benchfleet.controller.comparison.compare import compare
from benchfleet.controller.comparison.past import Past, tracks
from benchfleet.controller.costs.apply import priced
from benchfleet.controller.costs.document import load_prices
from benchfleet.controller.policies.document import policy_of
from benchfleet.controller.policies.evaluate import evaluate
from benchfleet.controller.reports import GROUP, PACKAGE, Subject
from benchfleet.core import plugins
from benchfleet.core.results import Value
from tests.support.campaigns import campaign, fleet, result, run

SECTIONS = sorted(plugins.load_all(PACKAGE, GROUP).items())
POLICY = policy_of({"apiVersion": "benchfleet/v1", "kind": "Policy", "extends": "mobile-app"})
PRICES = load_prices(Path(__file__).parents[2] / "examples" / "prices.yaml")
NASTY = "<img src=x onerror=y>"


def lasting():
    """Minutes of load on a device with a power sensor."""
    extra = {
        "burst_ms_p50": Value(value=5.0, n=10),
        "sustained_ms_p50": Value(value=6.0, n=10),
        "energy_mj_per_inference": Value(value=30.0, ci95=(29, 31), n=600, source="sensor", scope="module"),
    }
    return replace(run("lasting", model=NASTY, measured=result(extra=extra)), scenario="sustained")


def subject(record, policy=None):
    """With a policy, everything that a report may be given is there: prices, power, minutes of load."""
    record = priced(replace(record, runs=(*record.runs, lasting())), PRICES) if policy else record
    return Subject(
        comparison=compare(record), decision=evaluate(policy, record) if policy else None, history=history(record)
    )


def history(record):
    """Each cell of a campaign in eight earlier ones, the newest 20 % slower."""
    return tracks(
        [
            Past(
                run=replace(each, run_id=f"{each.run_id}-{day}", campaign_id=f"c-{day}", result=result(p50=value)),
                campaign_name="nightly",
                received_utc_s=1.7e9 + 86_400 * day,
            )
            for each in record.runs
            for day, value in enumerate((10.0, 10.1, 9.9, 10.0, 10.2, 9.8, 10.0, 12.0))
        ],
        "latency_ms_p50",
    )


@pytest.mark.parametrize(("name", "module"), SECTIONS)
class TestSection:
    def test_has_a_title_and_a_place(self, name, module):
        assert module.TITLE
        assert isinstance(module.ORDER, int)

    def test_renders_any_campaign_as_markup(self, name, module):
        lost = campaign(run("r", state="failed", reason="agent_lost"))
        for record in (campaign(), lost, fleet(1), fleet(2), fleet(12)):
            body = module.render(subject(record))
            assert body is None or isinstance(body, Markup)
        assert isinstance(module.render(subject(fleet(12), POLICY)), Markup)

    def test_is_repeatable(self, name, module):
        assert module.render(subject(fleet(12), POLICY)) == module.render(subject(fleet(12), POLICY))

    def test_escapes_what_users_named(self, name, module):
        record = campaign(
            run("a", model=NASTY, device=NASTY, measured=result()),
            run("b", model=NASTY, batch=8, device=NASTY, measured=result(p50=3.0)),
            run("c", model=NASTY, device=NASTY, state="failed", reason=NASTY, detail=NASTY),
            baseline=NASTY,
            pruned=({"cell_key": NASTY, "reason": NASTY},),
        )
        assert "<img" not in (module.render(subject(record, POLICY)) or "")


def test_no_two_sections_share_a_place():
    orders = [module.ORDER for _, module in SECTIONS]
    assert len(set(orders)) == len(orders)
