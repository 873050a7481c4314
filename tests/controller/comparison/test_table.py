"""The terminal table: every run, no control characters, no markup from names."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from benchfleet.controller.comparison.compare import compare
from benchfleet.controller.comparison.numbers import significant
from benchfleet.controller.comparison.table import render, render_comparison
from benchfleet.core.results import Reason, Value, missing
from tests.support.campaigns import campaign, fleet, result, run


def text_of(record, width=160):
    stream = io.StringIO()
    render_comparison(record, Console(file=stream, width=width))
    return stream.getvalue()


@pytest.mark.parametrize("width", [80, 100, 160])
def test_every_verdict_is_readable_at_any_width(width):
    text = text_of(fleet(9), width)
    for word in ("valid", "degraded", "invalid", "failed", "SIGSEGV", "1.82× faster"):
        assert word in text


def test_what_a_scenario_asks_has_a_table_of_its_own_and_no_other_cell_is_in_it():
    misses = {"deadline_miss_ratio": Value(value=0.125), "idle_wake_ratio": missing("no call came after a pause")}
    paced = run("a", scenario="realtime", measured=result(extra=misses))
    strange = run("b", scenario="of_a_newer_agent", measured=result())
    text = text_of(campaign(paced, run("c", measured=result()), strange))
    (start,) = [i for i, line in enumerate(text.splitlines()) if line.strip() == "realtime"]
    table = [line for line in text.splitlines()[start + 1 :] if line.strip()]
    assert "deadline_miss_ratio" in table[0]
    assert "0.125" in table[2]
    assert "–" in table[2], "what was not measured is no zero"
    assert not [line for line in text.splitlines() if line.strip() in ("single_stream", "of_a_newer_agent")]


@pytest.mark.parametrize("width", [80, 120])
def test_no_metric_of_a_scenario_is_cut_on_a_narrow_terminal(width):
    misses = {"deadline_miss_ratio": Value(value=0.125)}
    text = text_of(campaign(run("a", scenario="realtime", measured=result(extra=misses))), width)
    assert "deadline_miss_ratio" in text
    assert "0.125" in text


def test_a_simulated_board_is_called_so_in_the_title_of_its_table_and_below():
    about = {"simulated": True, "simulated_board": "raspberry-pi-5"}
    text = text_of(campaign(run("a", device="lab", measured=result()), run("b", measured=result(provenance=about))))
    assert "pi5 (SIMULATED raspberry-pi-5)" in text
    assert "lab (SIMULATED" not in text
    assert "simulated: 1 of 2 results" in text


def test_names_with_escapes_markup_and_surrogates_are_cleaned():
    nasty = "a\x1b[31m[bold]x[/bold]\udc80\n:fp32"
    text = text_of(campaign(run("r", model=nasty, device="d\x07[red]", measured=result()), baseline=nasty))
    assert "\x1b" not in text
    assert "\x07" not in text
    assert "[bold]x[/bold]" in text
    text.encode("utf-8")


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0"), (41.41, "41.4"), (9.999, "10.0"), (0.01234, "0.0123"), (12345.6, "12,300"), (1e-9, "1.00e-09")],
)
def test_numbers_have_three_significant_digits(number, text):
    assert significant(number) == text


def test_a_degraded_result_on_the_front_is_marked_by_a_hollow_diamond():
    short = Reason(flag="single_launch", severity="degraded", detail="one launch")
    record = campaign(run("a", measured=result()), run("b", model="digits:int8", measured=result(reasons=(short,))))
    stream = io.StringIO()
    render(compare(record), Console(file=stream, width=160), frozenset({"a", "b"}))
    assert "◆ digits:fp32" in stream.getvalue()
    assert "◇ digits:int8" in stream.getvalue()


def test_a_forced_ratio_names_the_unlike_field_and_says_neither_faster_nor_slower():
    record = campaign(run("base", threads=4, measured=result()), run("r", model="digits:int8", measured=result(p50=5)))
    stream = io.StringIO()
    render(compare(record, force=True), Console(file=stream, width=160))
    assert "0.50× (unlike threads)" in stream.getvalue()
    assert "faster" not in stream.getvalue()
