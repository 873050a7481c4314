"""The page on the scrape names every metric that there is, and none that there is not."""

from __future__ import annotations

import re
from pathlib import Path

from benchfleet.controller.http.metrics import series_of

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "controller/src/benchfleet/controller/http"
NAME = re.compile(r"\bbenchfleet_[a-z_]+\b")


def test_the_page_and_the_code_name_the_same_metrics() -> None:
    page = set(NAME.findall((ROOT / "docs/scrape.md").read_text()))
    code = {name for file in SOURCES.glob("*.py") for name in re.findall(r'"(benchfleet_[a-z_]+)"', file.read_text())}
    assert "benchfleet_device_up" in code
    # Those of sensors are made of their kinds, of which the page's second column has examples.
    kinds = set(re.findall(r"`([a-z_]+_[a-z]+|load)`", (ROOT / "docs/scrape.md").read_text()))
    made = {found[0] for kind in kinds if (found := series_of(kind)) is not None}
    assert "benchfleet_power_watts" in made
    assert code <= page
    assert page <= code | made
