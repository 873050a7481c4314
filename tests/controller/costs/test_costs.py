"""Costs of results: the worked example of the documentation, what is missing, and currencies that never mix."""

import io
import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchfleet.controller.cli import compare as compare_command
from benchfleet.controller.cli import gate as gate_command
from benchfleet.controller.costs.apply import CLOUD, COSTS, ELECTRICITY, HARDWARE, currency_of, priced
from benchfleet.controller.costs.document import parse_prices
from benchfleet.controller.exporters import csv as csv_exporter
from benchfleet.controller.exporters import json as json_exporter
from benchfleet.controller.policies.document import policy_of
from benchfleet.controller.policies.evaluate import evaluate
from benchfleet.controller.policies.load import parse_yaml
from benchfleet.controller.reports import report_html
from benchfleet.core.errors import DocumentError
from benchfleet.core.results import Value, missing
from tests.support.campaigns import campaign, result, run

DOCS = Path(__file__).parents[3] / "docs" / "costs.md"
DOCUMENTS = re.findall(r"```yaml\n(.*?)```", DOCS.read_text(), re.DOTALL)
PRICES = parse_prices(DOCUMENTS[0], "docs/costs.md")
USD = parse_prices(DOCUMENTS[0].replace("EUR", "USD"), "docs/costs.md")


def measured(*, rate=250.0, energy=24.0, board="raspberry-pi-5b", method="samples / wall time", **more):
    extra = {
        "throughput_per_s": missing("cold_start is not a stream of samples")
        if rate is None
        else Value(value=rate, ci95=(0.8 * rate, 1.25 * rate), n=9, method=method),
        "energy_mj_per_inference": missing("no power sensor")
        if energy is None
        else Value(value=energy, ci95=(energy - 2, energy + 2), n=9, source="simulated", scope="module"),
    }
    return result(extra=extra, provenance={"device": {"board": board}}, **more)


def costs(found, prices=PRICES):
    only = priced(campaign(run("r", measured=found)), prices).runs[0]
    return {name: only.result.metrics[name] for name in COSTS}


def test_the_worked_example_of_the_documentation_is_what_is_computed():
    text = DOCS.read_text().partition("## A worked example")[2]
    printed = {name.lower(): float(number) for name, number in re.findall(r"- (\w+): .*?\*\*([\d.]+) EUR\*\*", text)}
    found = costs(measured())
    assert printed.keys() == {"hardware", "electricity", "cloud"}
    assert found[HARDWARE].value == pytest.approx(printed["hardware"], abs=5e-6)
    assert found[ELECTRICITY].value == pytest.approx(printed["electricity"], abs=5e-6)
    assert found[CLOUD].value == pytest.approx(printed["cloud"], abs=5e-5)


def test_by_hand():
    found = costs(measured())
    assert found[HARDWARE].value == pytest.approx(95 / (3 * 365.25 * 24 * 0.5) * (1e6 / 250 / 3600))
    assert found[ELECTRICITY].value == pytest.approx(24e-3 * 1e6 / 3.6e6 * 0.30)
    assert found[CLOUD].value == pytest.approx(0.05 * 1e6 / 250 / 3600)


def test_intervals_are_those_of_rate_and_energy():
    found = costs(measured())
    assert found[CLOUD].ci95 == pytest.approx((found[CLOUD].value / 1.25, found[CLOUD].value / 0.8))
    assert found[ELECTRICITY].ci95 == pytest.approx(
        (22 / 24 * found[ELECTRICITY].value, 26 / 24 * found[ELECTRICITY].value)
    )


def test_every_number_says_its_currency_its_scope_and_where_it_is_from():
    found = costs(measured())
    assert all("prices lab in EUR" in value.source for value in found.values())
    assert found[ELECTRICITY].scope == "module"
    assert "simulated" in found[ELECTRICITY].source


def test_without_power_electricity_is_null_and_the_rest_is_not():
    found = costs(measured(energy=None))
    assert found[ELECTRICITY].value is None
    assert "no power sensor" in found[ELECTRICITY].reason
    assert found[HARDWARE].value is not None


@pytest.mark.parametrize("rate", [None, 0.0])
def test_without_throughput_time_has_no_price(rate):
    found = costs(measured(rate=rate))
    assert found[HARDWARE].value is found[CLOUD].value is None
    assert "throughput_per_s" in found[HARDWARE].reason


def test_a_device_without_an_entry_pays_for_electricity_alone():
    found = costs(measured(board="orin"))
    assert found[HARDWARE].value is found[CLOUD].value is None
    assert "say nothing of hardware for pi5" in found[HARDWARE].reason
    assert found[ELECTRICITY].value is not None


def test_a_rate_that_the_scenario_set_is_told():
    assert "not the most" in costs(measured(method="samples / wall; as paced, not the most it can do"))[CLOUD].method
    assert "not the most" not in costs(measured())[CLOUD].method


def test_other_prices_replace_all_costs_so_that_currencies_never_mix():
    once = priced(campaign(run("a", measured=measured()), run("b", measured=measured(board="orin"))), PRICES)
    twice = priced(once, USD)
    assert {currency_of(r.result) for r in twice.runs} == {"USD"}
    assert not [v for r in twice.runs for n in COSTS if (v := r.result.metrics[n]).source and "EUR" in v.source]


def test_an_export_carries_costs_and_their_currency():
    record = priced(campaign(run("r", measured=measured())), PRICES)
    stream = io.BytesIO()
    json_exporter.write(record, stream)
    again = json_exporter.read(stream.getvalue()).runs[0].result
    assert again.metrics[HARDWARE] == record.runs[0].result.metrics[HARDWARE]
    assert currency_of(again) == "EUR"
    stream = io.BytesIO()
    csv_exporter.write(record, stream)
    header, row = stream.getvalue().decode().splitlines()
    assert row.split(",")[header.split(",").index("cost_currency")] == "EUR"
    stream = io.BytesIO()
    csv_exporter.write(campaign(run("r", measured=measured())), stream)
    assert "cost_currency" not in stream.getvalue().decode()


def decided(policy, record):
    return evaluate(policy_of(parse_yaml(policy, source="p"), source="p"), record)


def test_a_gate_on_money_needs_prices_in_its_own_currency():
    policy = DOCUMENTS[1]
    runs = campaign(run("r", measured=measured()), baseline=None)
    assert decided(policy, priced(runs, PRICES)).outcome == "pass"
    assert decided(policy.replace("0.02 EUR", "0.001 EUR"), priced(runs, PRICES)).outcome == "fail"
    other = decided(policy, priced(runs, USD))
    assert other.outcome == "no_evidence"
    assert "the limit is in EUR and the prices in USD" in other.why
    assert decided(policy, runs).outcome == "no_evidence"


@pytest.mark.parametrize("limit", ["'< 2'", "'< 2 euro'", "'< 2 %'", "{min: 1 EUR, max: 2 USD}"])
def test_a_limit_on_money_without_one_currency_is_refused(limit):
    policy = f"apiVersion: benchfleet/v1\nkind: Policy\nhard: {{cloud_cost_per_million: {limit}}}\n"
    with pytest.raises(DocumentError, match="one currency"):
        decided(policy, campaign())


def test_the_report_has_a_section_of_costs_only_with_prices():
    runs = campaign(run("r", measured=measured(energy=None)))
    page = report_html(priced(runs, PRICES))
    assert "Cost of a million samples" in page
    assert "hardware, EUR" in page
    assert "no power sensor" in page
    assert "our invoice" in page
    assert "Cost of a million samples" not in report_html(runs)


@pytest.fixture
def files(tmp_path):
    with (tmp_path / "c.json").open("wb") as stream:
        json_exporter.write(campaign(run("r", measured=measured()), baseline=None), stream)
    (tmp_path / "prices.yaml").write_text(DOCUMENTS[0])
    (tmp_path / "policy.yaml").write_text(DOCUMENTS[1])
    return tmp_path


def test_compare_prints_costs_and_has_them_in_json(files):
    given = [str(files / "c.json"), "--prices", str(files / "prices.yaml")]
    shown = CliRunner().invoke(compare_command.command, given)
    assert "cost of a million samples, EUR" in shown.output
    data = json.loads(CliRunner().invoke(compare_command.command, [*given, "--json"]).output)
    assert data["prices"]["currency"] == "EUR"
    assert data["costs"]["r"][CLOUD]["value"] == pytest.approx(0.0556, abs=1e-4)


def test_gate_takes_prices(files):
    given = [str(files / "c.json"), "--policy", str(files / "policy.yaml")]
    assert CliRunner().invoke(gate_command.command, given).exit_code == 3
    assert CliRunner().invoke(gate_command.command, [*given, "--prices", str(files / "prices.yaml")]).exit_code == 0


def test_prices_that_are_wrong_are_said_before_a_controller_is_asked(files):
    (files / "prices.yaml").write_text("kind: Policy\n")
    given = ["latest", "--prices", str(files / "prices.yaml"), "--controller", "127.0.0.1:1"]
    found = CliRunner().invoke(compare_command.command, given, standalone_mode=False)
    assert isinstance(found.exception, DocumentError)
    assert "prices.yaml" in str(found.exception)
