"""The forest of ratios: what is drawn, how it was measured, and why the rest is not there."""

from __future__ import annotations

from benchfleet.controller.comparison.compare import compare
from benchfleet.controller.reports import Subject, differences
from tests.support.campaigns import campaign, paired, result, run

BASE = run("base", measured=result(p50=10.0))


def section(*runs, **options):
    record = campaign(*runs, **({"baseline": options.pop("baseline")} if "baseline" in options else {}))
    return differences.render(Subject(comparison=compare(record, **options)))


def test_every_ratio_is_drawn_with_its_interval_in_words():
    html = section(BASE, paired("digits:int8", 5.0, (0.5, 0.49, 0.51)), paired("digits:fp16", 10.0, (1.01, 0.98, 1.04)))
    assert "0.500 [0.490, 0.510] faster" in html
    assert "1.010 [0.980, 1.040] no difference" in html
    assert "within 2 % of 1" in html


def test_a_ratio_that_was_refused_is_named_with_its_reason():
    html = section(BASE, run("new", model="digits:int8", measured=result(provenance={"governor": "powersave"})))
    assert "No run could be held against a baseline." in html
    assert "governor: baseline performance, here powersave: digits:int8" in html


def test_a_forced_ratio_is_drawn_with_the_unlike_field_and_no_finding():
    new = run("new", model="digits:int8", measured=result(p50=5.0, provenance={"governor": "powersave"}))
    html = section(BASE, new, force=True)
    assert "unlike governor" in html
    assert "] faster" not in html


def test_without_a_baseline_there_is_no_such_section():
    assert section(BASE, baseline=None) is None


def test_ratios_far_apart_keep_readable_ticks():
    html = section(BASE, paired("digits:int8", 0.1, (0.01, 0.009, 0.011)), paired("digits:x", 1e3, (90.0, 85.0, 95.0)))
    assert "1×" in html
    assert "90.000 [85.000, 95.000] slower" in html
