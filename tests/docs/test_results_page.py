"""The page on results names every key that a result and its provenance have."""

from __future__ import annotations

import re
from pathlib import Path

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
