"""One row a run, for spreadsheets: what ran, the verdict, every metric with its interval, and the conditions.

A metric that was not measured is an empty cell and its reason stands in the `missing` column. Text that a spreadsheet
would take for a formula (= + - @, tab, carriage return) gets an apostrophe before it, as OWASP advises
(https://owasp.org/www-community/attacks/CSV_Injection); numbers, negative ones too, stay numbers.
"""

from __future__ import annotations

import csv
import io
import json
from typing import Any, BinaryIO

from benchfleet.controller.catalog import CampaignRecord, RunRecord
from benchfleet.controller.comparison.compare import status_of, why_of
from benchfleet.controller.comparison.conditions import conditions_of, governor_of, power_mode_of
from benchfleet.controller.costs.apply import currency_of

MEDIA_TYPE = "text/csv"

RUN_COLUMNS = (
    "campaign_id", "run_id", "device", "model", "format", "precision", "runtime", "threads", "batch", "scenario",
    "state",
)  # fmt: skip
TAIL_COLUMNS = (
    "simulated", "scenario_params", "runtime_options", "governor", "power_mode_asked", "power_mode", "profile",
    "dataset", "agent_version",
    "series_digest", "missing",
)  # fmt: skip
CURRENCY_COLUMN = "cost_currency"
"""Of the columns that end in cost_per_million; there only when prices were given."""
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What Excel, LibreOffice and Sheets take as the beginning of a formula, full-width forms included."""


def write(results: CampaignRecord, stream: BinaryIO) -> None:
    """RFC 4180 rows: header first, CRLF line ends."""
    names = sorted({name for run in results.runs if run.result for name in run.result.metrics})
    intervals = {n for n in names if any(_interval(run, n) for run in results.runs)}
    header = [*RUN_COLUMNS, "verdict", "why"]
    for name in names:
        header += [name, f"{name}_ci95_low", f"{name}_ci95_high"] if name in intervals else [name]
    if any(currency_of(run.result) for run in results.runs):
        header.append(CURRENCY_COLUMN)
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([*map(cell, header), *TAIL_COLUMNS])
    for run in results.runs:
        writer.writerow([cell(item) for item in _row(run, names, intervals, priced=CURRENCY_COLUMN in header)])
    stream.write(text.getvalue().encode("utf-8", "replace"))


def _row(run: RunRecord, names: list[str], intervals: set[str], *, priced: bool) -> list[Any]:
    row: list[Any] = [getattr(run, column) for column in RUN_COLUMNS]
    row += [status_of(run), why_of(run)]
    absent = []
    for name in names:
        value = run.result.metrics.get(name) if run.result else None
        row.append(value.value if value else None)
        if name in intervals:
            row += list(_interval(run, name) or (None, None))
        if value is not None and value.value is None:
            absent.append(f"{name}: {value.reason}")
    if priced:
        row.append(currency_of(run.result))
    params = run.result.cell.get("scenario_params") if run.result else None
    known = {**conditions_of(run), "scenario_params": json.dumps(params, sort_keys=True) if params else None}
    known |= {"governor": governor_of(run), "power_mode": power_mode_of(run), "power_mode_asked": run.power_mode}
    row += [known[column] for column in TAIL_COLUMNS[:-2]]
    return [*row, run.series_digest, "; ".join(absent)]


def _interval(run: RunRecord, name: str) -> tuple[float, float] | None:
    value = run.result.metrics.get(name) if run.result else None
    return value.ci95 if value else None


def cell(item: Any) -> str:
    """The text of a cell; only text is quoted against formulas, a number is written so that it reads back equal."""
    if item is None:
        return ""
    if isinstance(item, (int, float)):
        return repr(item)
    clean = "".join(c if c.isprintable() or c in "\t\r\n" else "\ufffd" for c in str(item))
    return f"'{clean}" if clean.lstrip(" \n").startswith(FORMULA_STARTS) else clean
