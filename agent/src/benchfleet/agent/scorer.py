"""Scores predictions in a process of its own: a field's library never comes near the daemon or a measurement.

    python -m benchfleet.agent.scorer JOB.json

The job names a data set (or the field's own truth files and a task), and either the folder of outputs that a runner
kept or stored predictions. The answer is written as JSON into the file that the job names: scores, or one line of what
is wrong. Whatever a library does ends with the process, which is killed with its parent and at its deadline.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchfleet.core import task as tasks
from benchfleet.core.datasets import outputs, validation
from benchfleet.core.errors import BenchfleetError
from benchfleet.core.evidence import Score
from benchfleet.core.task import Task, TaskError, Truth


def answer(job: dict[str, Any]) -> dict[str, Any]:
    """{"task", "scores", "primary", "points"} or {"error"}."""
    try:
        name, truth = _truth(job)
        task = tasks.load(name)
        predictions = _predictions(job, task, truth)
        if truth.samples is not None and len(predictions) > truth.samples:
            raise TaskError(f"{len(predictions)} predictions for {truth.samples} samples")
        scores = _scores(task, truth, predictions)
    except (TaskError, BenchfleetError) as error:
        return {"error": str(error)}
    return {
        "task": name,
        "primary": task.METRICS[0],
        "points": task.POINTS,
        "scores": {name: asdict(score) for name, score in scores.items()},
    }


def _truth(job: dict[str, Any]) -> tuple[str, Truth]:
    if job.get("task"):
        task = tasks.load(job["task"])
        return job["task"], task.bare([Path(path) for path in job["truth"]])
    facts = validation.checked(Path(job["dataset"]), samples=False)
    return facts.task, facts.truth


def _predictions(job: dict[str, Any], task: Task, truth: Truth) -> list[Any]:
    if job.get("predictions"):
        paths = [Path(path) for path in job["predictions"]]
        if len(paths) != 1:
            raise TaskError(f"{len(paths)} files of predictions; name one")
        found = task.stored(paths, truth)
        if truth.samples is not None and len(found) != truth.samples:
            raise TaskError(f"{paths[0]}: {len(found)} predictions for {truth.samples} samples")
        return found
    found = []
    for index, sample in enumerate(outputs.samples(Path(job["outputs"]))):
        found.append(task.predict(sample, truth, index) if sample else task.NOTHING)
    return found


def _scores(task: Task, truth: Truth, predictions: list[Any]) -> dict[str, Score]:
    try:
        return task.score(truth, predictions)
    except ImportError as error:
        return dict.fromkeys(task.METRICS, Score(value=None, reason=tasks.missing_library(error, task)))


def main() -> int:
    """Reads the job, writes the answer."""
    from benchfleet.agent.runner import process

    job = json.loads(Path(sys.argv[1]).read_text())
    process.harden(int(job["parent_pid"]), float(job["alarm_s"]))
    try:
        found = answer(job)
    except Exception as error:  # a process boundary: whatever a field's library raises is an answer
        found = {"error": f"{type(error).__name__}: {error}"}
    Path(job["answer"]).write_text(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
