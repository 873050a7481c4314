"""The page on results names every key that a result and its provenance have."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from benchfleet.core import results
from tests.support.attempts import DATA, attempt

PAGE = Path(__file__).parents[2] / "docs/results.md"


async def test_every_key_of_a_result_is_on_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCHFLEET_HOST_LOCK", str(tmp_path / "lock"))
    named = set(re.findall(r"`([a-z_0-9]+)`", PAGE.read_text()))
    measured = await attempt(tmp_path, DATA / "digits-fp32.onnx", runtime="null")
    made = results.to_json(measured.result)
    assert set(made) <= named
    assert set(made["provenance"]) <= named
    assert set(made["metrics"]["latency_ms_p50"]) <= named
    assert set(made["reasons"][0]) <= named


async def test_the_lines_on_the_page_make_the_printed_median_from_the_raw_series(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("BENCHFLEET_HOST_LOCK", str(tmp_path / "lock"))
    (lines,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    on_the_page: dict[str, Any] = {}
    exec(lines, on_the_page)
    engine = {"trace": "ar1", "noise": 0.05, "latency_us": 300}
    measured = await attempt(tmp_path, DATA / "digits-fp32.onnx", runtime="fake", runtime_options=engine)
    printed = measured.result.metrics["latency_ms_p50"]
    median, interval = on_the_page["median_ms"](measured.series)
    assert median == pytest.approx(printed.value, rel=1e-12)
    assert interval == pytest.approx(printed.ci95, rel=2e-3)
    assert interval[0] < median < interval[1]
