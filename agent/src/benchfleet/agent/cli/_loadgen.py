"""`bench --loadgen DIR`: LoadGen's test where its wheel is, else our measurement with a log of the same form."""

from __future__ import annotations

import asyncio
import json
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from benchfleet.core.errors import EXIT_NO_EVIDENCE, EXIT_RUN_FAILED, EXIT_USAGE, DocumentError, one_line

if TYPE_CHECKING:
    from benchfleet.agent.measure.block import Files
    from benchfleet.core.results import Result
    from benchfleet.core.runspec import RunSpec


def driven(
    spec: RunSpec, files: Files, folder: Path, duration_s: float, *, as_json: bool, mistakes: Sequence[str]
) -> bool:
    """Runs LoadGen and prints what it says; False when the runner has none. Exit codes as of bench.

    `mistakes` are the reasons of failures that are no fault of the model.
    """
    from benchfleet.agent.measure.lane import LaneFault
    from benchfleet.agent.measure.loadgen import drive
    from benchfleet.agent.measure.mllog import SCENARIOS

    if spec.scenario not in SCENARIOS:
        raise DocumentError(f"bench --loadgen: MLPerf has no {spec.scenario}; it has: {', '.join(SCENARIOS)}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="benchfleet-loadgen-") as scratch:
            found = asyncio.run(
                drive(spec, files.model, files.dataset, logs=folder, scratch=Path(scratch), duration_s=duration_s)
            )
    except OSError as error:
        raise DocumentError(f"bench --loadgen {folder}: {error.strerror or error}") from error
    except LaneFault as fault:
        click.echo(f"FAILED({fault.reason}) in {fault.phase}: {one_line(fault.detail)}", err=True)
        raise SystemExit(EXIT_USAGE if fault.reason in mistakes else EXIT_RUN_FAILED) from fault
    if found.why_not:
        click.echo(f"no LoadGen here ({one_line(found.why_not)}); measuring without it", err=True)
        return False
    if as_json:
        click.echo(json.dumps({"schema": 1, "loadgen": found.told, "logs": str(folder)}, indent=2))
    else:
        for key, value in found.told.items():
            click.echo(f"{key:34} {value}")
        click.echo(f"{'logs':34} {folder}")
    if found.told.get("result_validity") != "VALID":
        raise SystemExit(EXIT_NO_EVIDENCE)
    return True


def keep_log(spec: RunSpec, result: Result, series: Path, folder: Path) -> None:
    """Writes the detail log of our own measurement, which says in its first line that it is no LoadGen's."""
    from benchfleet.agent.measure import mllog
    from benchfleet.agent.measure.series import unpack

    with zipfile.ZipFile(series) as archive:
        rounds: list[Any] = json.loads(archive.read("manifest.json"))["rounds"]["model"]
    path = folder / mllog.DETAIL
    mllog.write(
        path,
        spec,
        unpack(series),
        span_ns=sum(each[4] - each[3] for each in rounds),
        samples=result.metrics["throughput_per_s"].n or 0,
        started_utc=str(result.provenance.get("started_utc", "")),
    )
    click.echo(f"{path}: {mllog.NOT_LOADGEN}", err=True)
