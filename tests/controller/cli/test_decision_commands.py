"""compare, gate, report and export on an exported campaign: what they print, write and exit with."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from xml.etree import ElementTree as ET

import pytest

from benchfleet.controller.exporters.json import write
from tests.support.campaigns import campaign, fleet, paired, result, run

PROGRAM = [sys.executable, "-c", "from benchfleet.controller.cli.main import main; main()"]
HEAD = "apiVersion: benchfleet/v1\nkind: Policy\n"


def saved(tmp_path, record):
    path = tmp_path / "campaign.json"
    with path.open("wb") as stream:
        write(record, stream)
    return str(path)


def policy(tmp_path, body):
    path = tmp_path / "policy.yaml"
    path.write_text(HEAD + body)
    return str(path)


def call(*arguments):
    environment = {**os.environ, "COLUMNS": "160", "PYTHONUTF8": "1"}
    return subprocess.run(
        [*PROGRAM, *arguments], capture_output=True, text=True, timeout=60, env=environment, check=False
    )


@pytest.mark.parametrize(
    ("body", "code", "word"),
    [
        ('hard: {latency_p50: "< 6 ms"}', 0, "pass"),
        ('hard: {latency_p50: "< 1 ms"}', 1, "fail"),
        ('hard: {latency_p999: "< 1 s"}', 3, "no evidence"),
        ('hard: {latency_p999: "< 1 s"}\non_no_evidence: fail', 1, "fail"),
        ('hard: {latency_p50: "< 6"}', 2, "no unit"),
        ("hard: {}", 2, "checks nothing"),
    ],
)
def test_gate_exits_as_documented(tmp_path, body, code, word):
    record = campaign(run("base", measured=result()), paired("digits:int8", 5.0, (0.5, 0.49, 0.51)))
    done = call("gate", saved(tmp_path, record), "--policy", policy(tmp_path, body))
    assert done.returncode == code
    assert word in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_gate_writes_junit_and_json_of_one_outcome(tmp_path):
    junit = tmp_path / "gate.xml"
    source, rules = saved(tmp_path, fleet(12)), policy(tmp_path, "extends: realtime-video")
    done = call("gate", source, "--policy", rules, "--junit", str(junit), "--json")
    data = json.loads(done.stdout)
    assert data["exit_code"] == done.returncode == 1
    failed = sum(c["outcome"] == "fail" and c["hard"] for cell in data["cells"] for c in cell["checks"])
    assert int(ET.parse(junit).getroot().get("failures")) == failed


def test_report_is_written_whole_and_readable_by_others(tmp_path):
    page = tmp_path / "report.html"
    done = call("report", saved(tmp_path, fleet(6)), "-o", str(page))
    assert done.returncode == 0, done.stderr
    assert page.read_text(encoding="utf-8").rstrip().endswith("</html>")
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


@pytest.mark.parametrize("target", ["none/report.html", "."])
def test_output_that_cannot_be_written_is_one_line_and_leaves_nothing(tmp_path, target):
    source = saved(tmp_path, fleet(3))
    before = sorted(p.name for p in tmp_path.iterdir())
    done = call("report", source, "-o", str(tmp_path / target))
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "cannot write" in done.stderr
    assert sorted(p.name for p in tmp_path.iterdir()) == before


def test_export_csv_goes_to_standard_output(tmp_path):
    done = call("export", saved(tmp_path, fleet(6)), "--format", "csv")
    assert done.returncode == 0
    assert len(list(csv.DictReader(done.stdout.splitlines()))) == 6


def test_export_in_an_unknown_format_names_those_that_exist(tmp_path):
    done = call("export", saved(tmp_path, fleet(3)), "--format", "xlsx")
    assert done.returncode == 2
    assert "csv, json" in done.stderr


def test_export_of_an_export_is_the_same_bytes(tmp_path):
    source = saved(tmp_path, fleet(6))
    again = tmp_path / "again.json"
    assert call("export", source, "-o", str(again)).returncode == 0
    assert again.read_bytes() == (tmp_path / "campaign.json").read_bytes()


def test_compare_marks_the_front_and_prints_json(tmp_path):
    source = saved(tmp_path, fleet(12))
    done = call("compare", source, "--pareto", "latency_p50,accuracy_top1", "--json")
    rows = json.loads(done.stdout)["rows"]
    assert done.returncode == 0
    assert len(rows) == 12
    assert 0 < sum(row["pareto"] for row in rows) < 12
    assert not any(row["pareto"] for row in rows if not row["ranked"])


@pytest.mark.parametrize("axes", ["latency_p50", "a,b", "latency_p50,latency_p50", "latency_p50,batch_size"])
def test_compare_refuses_axes_that_span_nothing(tmp_path, axes):
    done = call("compare", saved(tmp_path, fleet(3)), "--pareto", axes)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1


def test_compare_without_any_ranked_result_is_no_evidence(tmp_path):
    done = call("compare", saved(tmp_path, campaign(run("r", state="failed", reason="agent_lost"))))
    assert done.returncode == 3
    assert "agent_lost" in done.stdout


@pytest.mark.parametrize("content", ["", "{}", "[1]", "\x00"])
def test_file_that_is_no_export_is_one_line(tmp_path, content):
    path = tmp_path / "x.json"
    path.write_text(content)
    done = call("compare", str(path))
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1


def test_compare_that_unlike_conditions_refuse_exits_3_with_one_line_naming_the_field(tmp_path):
    record = campaign(
        run("base", measured=result(provenance={"governor": "performance"})),
        run("new", model="digits:int8", measured=result(provenance={"governor": "powersave"})),
    )
    done = call("compare", saved(tmp_path, record))
    assert done.returncode == 3
    assert done.stderr.strip() == (
        "refused, unlike governor: baseline performance, here powersave (1 run); --force shows it, marked"
    )
    forced = call("compare", saved(tmp_path, record), "--force", "--json")
    assert forced.returncode == 0
    rows = {row["run"]: row for row in json.loads(forced.stdout)["rows"]}
    assert rows["new"]["latency_ratio"]["forced"] == ["governor"]
    assert rows["new"]["latency_ratio"]["finding"] is None


def test_compare_against_another_campaign_pairs_equal_cells_and_says_that_they_were_apart(tmp_path):
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    new.mkdir()
    before = saved(old, campaign(run("a", measured=result(p50=10.0))))
    now = saved(new, campaign(run("b", measured=result(p50=15.0)), run("c", threads=2, measured=result())))
    done = call("compare", now, "--against", before, "--json")
    assert done.returncode == 0
    rows = {row["run"]: row["latency_ratio"] for row in json.loads(done.stdout)["rows"]}
    assert rows["b"]["finding"] == "higher"
    assert rows["b"]["paired"] is False
    assert "no such cell" in rows["c"]["reason"]
    assert call("compare", now, "--against", before, "--baseline", "digits:fp32").returncode == 2
