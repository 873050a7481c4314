"""What `benchfleet demo` refuses, and that its measuring needs no fleet."""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner

from benchfleet.controller.cli.demo import command
from benchfleet.core.errors import DocumentError


def test_keep_without_a_fleet_is_refused(tmp_path):
    with pytest.raises(DocumentError, match="give one of the two"):
        CliRunner().invoke(command, ["--alone", "--keep", "--output", str(tmp_path)], catch_exceptions=False)


@pytest.mark.timeout(900)
def test_alone_it_measures_six_files_and_leaves_export_gate_and_report(tmp_path):
    CliRunner().invoke(command, ["--alone", "--output", str(tmp_path)], catch_exceptions=False)
    export = json.loads((tmp_path / "results.json").read_text())
    assert len(export["runs"]) == 6
    assert all(run["result"]["metrics"]["latency_ms_p50"]["value"] > 0 for run in export["runs"])
    assert ElementTree.parse(tmp_path / "gate.xml").getroot().tag == "testsuites"
    assert "<html" in (tmp_path / "report.html").read_text()


def test_its_help_and_the_readme_say_the_same_duration():
    told = command.get_short_help_str(200).partition(": ")[2].rstrip(".")
    readme = (Path(__file__).parents[3] / "README.md").read_text()
    assert re.search(r"`benchfleet demo` [^.]*" + re.escape(told), readme)
