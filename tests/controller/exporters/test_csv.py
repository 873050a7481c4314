"""CSV that a spreadsheet opens without running anything, and that reads back as the numbers measured."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchfleet.controller.exporters.csv import cell, write
from benchfleet.core.results import Value
from tests.support.campaigns import campaign, fleet, result, run


def rows_of(record):
    stream = io.BytesIO()
    write(record, stream)
    return list(csv.DictReader(io.StringIO(stream.getvalue().decode("utf-8"), newline="")))


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1+2", "@SUM(A1)", "\t=1", "\r=1", " =1", "\n=1", "\uff1d1"])
def test_text_that_a_spreadsheet_would_run_is_quoted(text):
    assert cell(text).startswith("'")


@pytest.mark.parametrize("number", [-1.4, -0.0, 1e-9, -7, 0.1 + 0.2])
def test_numbers_stay_numbers_and_read_back_equal(number):
    assert float(cell(number)) == number


@given(st.text(max_size=30))
def test_any_name_survives_the_round_trip_and_starts_no_formula(name):
    found = rows_of(campaign(run("r", model=name, measured=result()), baseline=None))
    assert len(found) == 1
    assert not found[0]["model"].startswith(("=", "+", "-", "@", "\t", "\r"))


def test_a_simulated_result_says_so_in_a_column_of_its_own():
    made = (
        run("a", measured=result(provenance={"simulated": True})),
        run("b", measured=result(provenance={"simulated": False})),
    )
    assert [row["simulated"] for row in rows_of(campaign(*made, baseline=None))] == ["true", "false"]


def test_every_run_is_a_row_with_its_reason():
    found = rows_of(fleet(9))
    assert len(found) == 9
    failed = next(r for r in found if r["run_id"] == "run-004")
    assert failed["verdict"] == "failed"
    assert "SIGSEGV" in failed["why"]


def test_missing_metric_is_empty_with_its_reason_and_zero_is_zero():
    found = rows_of(campaign(run("r", measured=result(extra={"nan_count": Value(value=0.0)}))))[0]
    assert found["latency_ms_p999"] == ""
    assert "too few" in found["missing"]
    assert found["nan_count"] == "0.0"


def test_parameters_of_a_scenario_tell_two_rows_of_one_scenario_apart():
    cells = [{"scenario_params": {"qps": qps, "latency_bound": None}} for qps in (100, 200)]
    runs = [run(f"r{i}", scenario="server", measured=result(cell=c)) for i, c in enumerate(cells)]
    found = [r["scenario_params"] for r in rows_of(campaign(*runs, run("plain", measured=result())))]
    assert found == ['{"latency_bound": null, "qps": 100}', '{"latency_bound": null, "qps": 200}', ""]


def test_interval_has_its_own_columns():
    found = rows_of(campaign(run("r", measured=result(p50=10.0))))[0]
    assert float(found["latency_ms_p50_ci95_low"]) == pytest.approx(9.9)
    assert "model_size_bytes_ci95_low" not in found
