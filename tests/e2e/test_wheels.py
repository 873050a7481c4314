"""The four wheels in a clean environment, and nothing but their commands: what a user has after pip install."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.wheels
DISTRIBUTIONS = ("protos", "core", "agent", "controller")


@pytest.fixture(scope="module")
def bin_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of a new environment that has the wheels and what they need."""
    place = tmp_path_factory.mktemp("wheels")
    uv = os.environ.get("UV") or shutil.which("uv")
    assert uv, "uv is missing: make test-wheels names it"
    for name in DISTRIBUTIONS:
        call(uv, "build", "--quiet", "--wheel", "--out-dir", str(place / "dist"), str(ROOT / name))
    call(uv, "venv", "--quiet", str(place / "venv"))
    python = place / "venv/bin/python"
    constraints = ("--constraint", str(ROOT / "constraints.txt"))
    wheels = ("--find-links", str(place / "dist"))
    call(uv, "pip", "install", "--quiet", "--python", str(python), *constraints, *wheels, "benchfleet[demo]")
    return place / "venv/bin"


def call(*command: str, cwd: Path | None = None) -> str:
    """Runs a command outside the repository; its output, or a failure with its words."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("BENCHFLEET_", "PYTHON", "VIRTUAL_ENV"))}
    done = subprocess.run(
        command, cwd=cwd or "/", env=clean, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    return done.stdout


def test_the_agent_alone_measures_a_model(bin_dir, tmp_path):
    model = next(bin_dir.parent.glob("lib/*/site-packages/benchfleet/controller/demo/data/digits-int8.onnx"))
    said = json.loads(call(str(bin_dir / "benchfleet-agent"), "bench", str(model), "--json", cwd=tmp_path))
    assert said["schema"] == 1
    assert said["metrics"]["latency_ms_p50"]["value"] > 0


def test_inspect_counts_the_same_network_the_same_in_both_formats(bin_dir, tmp_path):
    data = next(bin_dir.parent.glob("lib/*/site-packages/benchfleet/controller/demo/data"))
    facts = [
        json.loads(call(str(bin_dir / "benchfleet"), "inspect", str(data / name), "--json", cwd=tmp_path))
        for name in ("digits-fp32.onnx", "digits-fp32.tflite")
    ]
    assert facts[0]["macs"] == facts[1]["macs"]


@pytest.mark.timeout(420)
def test_the_demo_runs_to_its_end_and_leaves_its_three_files(bin_dir, tmp_path):
    call(str(bin_dir / "benchfleet"), "demo", "--output", str(tmp_path / "out"), cwd=tmp_path)
    assert "<html" in (tmp_path / "out/report.html").read_text()
    assert ElementTree.parse(tmp_path / "out/gate.xml").getroot().tag == "testsuites"
    assert json.loads((tmp_path / "out/results.json").read_text())
