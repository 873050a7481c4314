"""The demo without a fleet: `benchfleet-agent bench` measures the six files, the operator's commands read the export.

For a machine on which no port may be opened, and for a look in half the time. What is measured, and how, is the same.
"""

from __future__ import annotations

import json
import platform
import subprocess
from datetime import datetime, timezone
from importlib.resources import as_file, files
from pathlib import Path

import click

from benchfleet.controller.catalog import CampaignRecord, RunRecord
from benchfleet.controller.demo.commands import Commands, program, tied
from benchfleet.controller.demo.fleet import environment
from benchfleet.controller.demo.processes import signals_as_interrupt
from benchfleet.controller.exporters import json as exporter
from benchfleet.core.errors import RunFailedError
from benchfleet.core.results import Result, from_json
from benchfleet.core.runspec import cell_key

RUNTIMES = {"onnx": "onnxruntime", "tflite": "litert"}
PRECISIONS = ("fp32", "fp16", "int8")
GATE_CODES = (0, 1, 3)


def run(output: Path) -> None:
    """Measure, write the export, then compare, gate and report from it."""
    output.mkdir(parents=True, exist_ok=True)
    export = output / "results.json"
    with signals_as_interrupt(), as_file(files("benchfleet.controller.demo")) as shipped:
        runs = tuple(_measured(shipped / "data", precision, kind) for precision in PRECISIONS for kind in RUNTIMES)
        with export.open("wb") as stream:
            exporter.write(_campaign(runs), stream)
        commands, policy = Commands(environment()), str(shipped / "policy.yaml")
        commands.show("compare", str(export), allowed=(0, 3))
        commands.show("gate", str(export), "--policy", policy, "--junit", str(output / "gate.xml"), allowed=GATE_CODES)
        commands.show("report", str(export), "--policy", policy, "-o", str(output / "report.html"))
    click.secho(f"\ndemo: report.html, gate.xml and results.json are in {output}", fg="cyan", err=True)


def _measured(data: Path, precision: str, kind: str) -> RunRecord:
    command = ["bench", f"digits-{precision}.{kind}", "--data", "digits-test.npz"]
    if precision != "fp32":
        command += ["--baseline", f"digits-fp32.{kind}"]
    click.secho(f"$ benchfleet-agent {' '.join(command)}", bold=True, err=True)
    done = subprocess.run(
        tied([program("benchfleet-agent"), *command, "--json"]),
        cwd=data,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if not done.stdout:
        raise RunFailedError(f"demo: benchfleet-agent {' '.join(command)} ended with code {done.returncode}")
    return _record(from_json(json.loads(done.stdout)), precision, kind)


def _record(result: Result, precision: str, kind: str) -> RunRecord:
    cell = {"threads": result.cell["threads"], "batch": result.cell["batch"], "scenario": result.cell["scenario"]}
    model, runtime = f"digits:{precision}", RUNTIMES[kind]
    return RunRecord(
        run_id=f"{precision}-{kind}",
        campaign_id="alone",
        device=platform.node() or "this-machine",
        model=model,
        format=kind,
        precision=precision,
        runtime=runtime,
        **cell,
        cell_key=cell_key(model=model, format=kind, runtime=runtime, **cell),
        state="succeeded" if result.outcome == "ok" else "failed",
        reason=result.failure.reason if result.failure else "",
        detail=result.failure.detail if result.failure else "",
        result=result,
    )


def _campaign(runs: tuple[RunRecord, ...]) -> CampaignRecord:
    return CampaignRecord(
        id="alone",
        name="digits-on-this-machine",
        state="completed",
        created_utc=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        document_yaml="",
        baseline_model="digits:fp32",
        runs=runs,
    )
