"""The first screen: what was asked, how many runs carry a verdict, and the findings worth a sentence."""

from __future__ import annotations

from collections import Counter

from markupsafe import Markup

from benchfleet.controller.comparison import numbers
from benchfleet.controller.comparison.compare import Row
from benchfleet.controller.comparison.labels import is_simulated
from benchfleet.controller.reports import Subject
from benchfleet.controller.reports._page import render as template

TITLE = "Summary"
ORDER = 10

STATUSES = ("valid", "degraded", "invalid", "failed")
FINDINGS_MAX = 6


def render(subject: Subject) -> Markup:
    """Counts by verdict and the clearest differences."""
    rows = subject.comparison.rows
    counts = Counter(row.status if row.status in STATUSES else "other" for row in rows)
    return template(
        "summary.html",
        subject=subject,
        counts=[(status, counts[status]) for status in (*STATUSES, "other") if counts[status] or status != "other"],
        total=len(rows),
        findings=[_sentence(row) for row in _clearest(rows)],
        simulated=sum(is_simulated(row.run) for row in rows),
        undecided=sum(row.latency.finding == "no detectable difference" for row in rows),
    )


def _clearest(rows: tuple[Row, ...]) -> list[Row]:
    found = [row for row in rows if row.latency.finding in ("lower", "higher")]
    return sorted(found, key=lambda row: -abs((row.latency.value or 1.0) - 1.0))[:FINDINGS_MAX]


def _sentence(row: Row) -> dict[str, str]:
    ratio = row.latency.value or 1.0
    times = 1 / ratio if ratio < 1 else ratio
    word = "faster" if ratio < 1 else "slower"
    how = "in interleaved rounds" if row.latency.paired else "in separate attempts"
    interval = row.latency.ci95 or (ratio, ratio)
    return {
        "label": row.label,
        "text": f"{times:.2f}× {word} than {row.baseline_label or 'its baseline'}",
        "how": f"ratio {ratio:.3f}, 95 %: {interval[0]:.3f} to {interval[1]:.3f}, {how}",
        "drop": numbers.points(row.accuracy_drop_pp) if row.accuracy_drop_pp.value is not None else "",
    }
