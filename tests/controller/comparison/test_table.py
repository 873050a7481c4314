"""The terminal table: every run, no control characters, no markup from names."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from benchfleet.controller.comparison.numbers import significant
from benchfleet.controller.comparison.table import render_comparison
from tests.support.campaigns import campaign, fleet, result, run


def text_of(record, width=160):
    stream = io.StringIO()
    render_comparison(record, Console(file=stream, width=width))
    return stream.getvalue()


@pytest.mark.parametrize("width", [80, 100, 160])
def test_every_verdict_is_readable_at_any_width(width):
    text = text_of(fleet(9), width)
    for word in ("valid", "degraded", "invalid", "failed", "SIGSEGV", "0.55×"):
        assert word in text


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
