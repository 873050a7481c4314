"""Score stored predictions against a data set, as a run on this device would.

    benchfleet-agent score --data coco-val.npz --predictions detections.json
    benchfleet-agent score --task detection --data instances.json --predictions detections.json
    benchfleet-agent score --task text --data ref0.txt --data ref1.txt --predictions translation.txt

Exit codes: 0 scored, 2 usage, a bad file, or predictions that do not fit, 3 not scored, as where a library is missing.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from benchfleet.core.errors import EXIT_NO_EVIDENCE, DocumentError, one_line

if TYPE_CHECKING:
    from benchfleet.core.evidence import Score

_FILE = click.Path(path_type=Path)


@click.command(name="score")
@click.option(
    "--data",
    "data",
    type=_FILE,
    multiple=True,
    required=True,
    help="A data set (.npz); with --task, the field's own truth: COCO annotations, references, labels.",
)
@click.option("--predictions", type=_FILE, required=True, help="COCO results (JSON), lines of text, or classes (JSON).")
@click.option("--task", help="classification, detection, text or another; by default what the data set says.")
@click.option("--json", "as_json", is_flag=True, help="Print the scores as JSON.")
def command(data: tuple[Path, ...], predictions: Path, task: str | None, as_json: bool) -> None:
    """Score stored PREDICTIONS by the field's own library, in a process of its own."""
    import asyncio
    import tempfile

    from benchfleet.agent.measure import quality
    from benchfleet.core import task as tasks

    if task is not None:
        tasks.load(task)
    elif len(data) != 1:
        raise DocumentError("score: one data set without --task; several files of references need --task text")
    for path in (*data, predictions):
        if not path.is_file():
            raise DocumentError(f"score {path}: is no file; check the path")
    job = {
        "task": task,
        "dataset": str(data[0].absolute()),
        "truth": [str(path.absolute()) for path in data],
        "predictions": [str(predictions.absolute())],
    }
    with tempfile.TemporaryDirectory(prefix="benchfleet-score-") as scratch:
        found = asyncio.run(quality.run_scorer(job, Path(scratch), quality.SCORE_S_MAX))
    if "error" in found:
        raise DocumentError(f"score: {found['error']}")
    scores = {name: quality.score(each) for name, each in found["scores"].items()}
    _print(str(found["task"]), scores, as_json)
    if all(score.value is None for score in scores.values()):
        raise SystemExit(EXIT_NO_EVIDENCE)


def _print(task: str, scores: dict[str, Score], as_json: bool) -> None:
    if as_json:
        metrics = {
            name: {
                "value": s.value,
                "ci95": s.ci95,
                "n": s.n,
                "method": s.method,
                "source": s.source,
                "reason": s.reason or None,
            }
            for name, s in scores.items()
        }
        click.echo(json.dumps({"schema": 1, "task": task, "metrics": metrics}, indent=2))
        return
    for name, s in scores.items():
        if s.value is None:
            click.echo(f"{name:16} not scored: {one_line(s.reason)}")
            continue
        interval = "" if s.ci95 is None else f"  [{s.ci95[0]:.4g}, {s.ci95[1]:.4g}]"
        click.echo(f"{name:16} {s.value:.6g}{interval}  n={s.n}  {s.source}: {one_line(s.method)}")
