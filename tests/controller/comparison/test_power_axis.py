"""Power modes side by side: an axis like threads, named where it varies, and never mixed up with a governor."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import pytest
from rich.console import Console

from benchfleet.controller.comparison.compare import compare
from benchfleet.controller.comparison.labels import labels
from benchfleet.controller.comparison.table import render
from benchfleet.controller.exporters import json as export
from benchfleet.controller.exporters.csv import write
from benchfleet.controller.reports import Subject, comparison
from benchfleet.core.runspec import cell_key
from tests.support.campaigns import campaign, result, run


def asked(run_id, mode, *, found=None, governor="schedutil", model="digits:int8", p50=10.0):
    """A run that asked for a power mode (None: for none) and what the device said."""
    provenance = {"power": {"asked": mode}, "power_mode": found or mode, "governor": governor}
    made = run(
        run_id, model=model, power_mode=mode, measured=result(p50=p50, provenance=provenance, cell={"power_mode": mode})
    )
    key = cell_key(
        model=model, format="onnx", runtime="onnxruntime", threads=1, batch=1, scenario="single_stream", power_mode=mode
    )
    return replace(made, cell_key=key)


def row(compared, run_id):
    return next(r for r in compared.rows if r.run.run_id == run_id)


def test_a_cell_is_compared_with_the_baseline_of_its_own_mode():
    record = campaign(
        asked("slow-base", "15W", model="digits:fp32", p50=30.0), asked("slow", "15W", p50=20.0),
        asked("fast-base", "MAXN", model="digits:fp32", p50=15.0), asked("fast", "MAXN", p50=5.0),
    )  # fmt: skip
    compared = compare(record)
    assert row(compared, "slow").latency.value == pytest.approx(2 / 3)
    assert row(compared, "fast").latency.value == pytest.approx(1 / 3)


def test_another_mode_refuses_and_is_named_unless_the_user_names_the_cell():
    base = asked("base", "15W", model="digits:fp32")
    record = campaign(base, asked("new", "MAXN", governor="performance"))
    (unlike,) = row(compare(record), "new").refused
    assert (unlike.field, unlike.baseline, unlike.here) == (
        "power_mode", "15W, governor schedutil", "MAXN, governor performance",
    )  # fmt: skip
    named = row(compare(record, base.cell_key), "new")
    assert named.latency.value is not None
    assert any(warning.startswith("power_mode:") for warning in named.warnings)


@pytest.mark.parametrize(
    ("base", "new"),
    [
        ({"mode": "15W"}, {"mode": "15W", "governor": "performance"}),  # somebody set it beside the mode
        ({"mode": None}, {"mode": "performance", "governor": "performance"}),  # a board whose modes are governors
        ({"mode": None, "found": "15W"}, {"mode": None, "found": "MAXN"}),
    ],
)
def test_unlike_settings_are_never_held_against_each_other(base, new):
    record = campaign(
        asked("base", base.pop("mode"), model="digits:fp32", **base), asked("new", new.pop("mode"), **new)
    )
    assert "power_mode" in [unlike.field for unlike in row(compare(record), "new").refused]


def test_the_mode_is_in_labels_tables_reports_and_exports():
    record = campaign(asked("a", "15W"), asked("b", "0", found="MAXN"), baseline=None)
    assert labels(record.runs) == {"a": "digits:int8 15W", "b": "digits:int8 0"}
    console = Console(width=160, record=True, file=io.StringIO())
    render(compare(record), console)
    shown = console.export_text()
    html = comparison.render(Subject(comparison=compare(record)))
    for text in (shown, html):
        assert all(word in text for word in ("power mode", "15W", "MAXN"))
    stream = io.BytesIO()
    write(record, stream)
    rows = list(csv.DictReader(io.StringIO(stream.getvalue().decode(), newline="")))
    assert [(r["power_mode_asked"], r["power_mode"], r["governor"]) for r in rows] == [
        ("15W", "15W", "schedutil"), ("0", "MAXN", "schedutil"),
    ]  # fmt: skip


def test_a_campaign_without_modes_has_no_column_for_them():
    console = Console(width=160, record=True, file=io.StringIO())
    render(compare(campaign(run("a", measured=result()))), console)
    assert "power mode" not in console.export_text()


def test_an_export_of_a_version_without_power_modes_is_read():
    stream = io.BytesIO()
    export.write(campaign(run("a", measured=result())), stream)
    older = stream.getvalue().replace(b'"power_mode": null', b'"was": null')
    assert older != stream.getvalue()
    assert export.read(older).runs[0].power_mode is None
