"""The check of outputs as the agent sees it: what a runner is asked, what it found, and the scoring afterwards."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchfleet.core import evidence as ev

SAMPLES_ALL = 2**31
"""Outputs are checked on the whole data set in the first launch; the others only have to repeat themselves."""
SCORE_S_MAX = 300.0
"""A field's library on a small board, with the largest set that a runner keeps."""
GRACE_S = 5.0


def asked(workspace: Path, lane: str, launch: int, against: str | None) -> dict[str, Any]:
    """The fields of the command `check`: the whole data set once, with its outputs kept and held against a lane's."""
    if launch:
        return {"samples_max": 0}
    fields = {"samples_max": SAMPLES_ALL, "keep_in": str(folder(workspace, lane))}
    if against is not None and (folder(workspace, against) / "outputs.jsonl").exists():
        fields["against"] = str(folder(workspace, against))
    return fields


def folder(workspace: Path, lane: str) -> Path:
    """Where a lane's outputs are kept."""
    return (workspace / lane / "outputs").absolute()


def merged(before: ev.OutputCheck | None, found: dict[str, Any]) -> ev.OutputCheck:
    """What one launch found, added to what earlier ones did."""
    timed_nan, timed_inf = found["timed_nan_count"], found["timed_inf_count"]
    if before is not None:
        deviations = [d for d in (before.output_std, found["output_std"]) if d is not None]
        return replace(
            before,
            nan_count=before.nan_count + found["nan_count"] + timed_nan,
            inf_count=before.inf_count + found["inf_count"] + timed_inf,
            stable=before.stable and found["stable"],
            calls=before.calls + found["calls"],
            errors=before.errors + found["errors"],
            error_detail=before.error_detail or found["error_detail"],
            repeats=before.repeats + found["repeats"],
            timed_nan_count=before.timed_nan_count + timed_nan + timed_inf,
            output_std=max(deviations, default=None),
        )
    return ev.OutputCheck(
        samples=found["samples"],
        nan_count=found["nan_count"] + timed_nan,
        inf_count=found["inf_count"] + timed_inf,
        predictions=tuple(found["predictions"]),
        stable=found["stable"],
        reason=found["reason"] or found["kept_reason"],
        calls=found["calls"],
        errors=found["errors"],
        error_detail=found["error_detail"],
        repeats=found["repeats"],
        timed_nan_count=timed_nan + timed_inf,
        output_std=found["output_std"],
        task=found["task"],
        stored=_likeness(found["stored"]),
        baseline=_likeness(found["baseline"]),
        tolerance={k: float(v) for k, v in found["tolerance"].items()},
        fed=tuple(_fed(each) for each in found["fed"]),
    )


def _likeness(found: dict[str, Any] | None) -> ev.Likeness | None:
    return None if found is None else ev.Likeness(**found)


def _fed(found: dict[str, Any]) -> ev.FedRange:
    declared, held, by_file = found["declared"], found["held"], found.get("by_file")
    return ev.FedRange(
        name=str(found["name"]),
        low=float(found["low"]),
        high=float(found["high"]),
        declared=None if declared is None else (float(declared[0]), float(declared[1])),
        held=None if held is None else (float(held[0]), float(held[1])),
        outside_ratio=float(found["outside_ratio"]),
        by_file=None if by_file is None else (float(by_file[0]), float(by_file[1])),
    )


def feed_lines(outputs: ev.OutputCheck | None) -> list[str]:
    """What was really fed, beside the steps: a wrong pre-processing is visible in the result."""
    lines = []
    for fed in outputs.fed if outputs else ():
        line = f"{fed.name}: fed {fed.low:.6g} to {fed.high:.6g}"
        if fed.declared is not None:
            line += f", declared {fed.declared[0]:.6g} to {fed.declared[1]:.6g}"
        if fed.by_file is not None:
            line += f", the model's file says {fed.by_file[0]:.6g} to {fed.by_file[1]:.6g}"
        if fed.held is not None:
            line += f", the input holds {fed.held[0]:.6g} to {fed.held[1]:.6g} ({fed.outside_ratio:.1%} beyond)"
        lines.append(line)
    return lines


async def scored(outputs: ev.OutputCheck, dataset: Path, kept: Path, limit_s: float) -> ev.OutputCheck:
    """The check with the scores of its task; what goes wrong with scoring is the reason of a missing score."""
    if outputs.task is None:
        return outputs
    found = await run_scorer({"dataset": str(dataset.absolute()), "outputs": str(kept)}, kept, limit_s)
    if "error" in found:
        from benchfleet.core import task as tasks
        from benchfleet.core.errors import NotFoundError

        try:
            metrics = tasks.load(outputs.task).METRICS
        except NotFoundError:
            metrics = ()
        missing = ev.Score(value=None, reason=f"not scored: {found['error']}")
        return replace(outputs, scores=dict.fromkeys(metrics, missing))
    return replace(
        outputs,
        scores={name: score(each) for name, each in found["scores"].items()},
        primary=found["primary"],
        points=found["points"],
    )


def score(found: dict[str, Any]) -> ev.Score:
    """A Score from its JSON form."""
    interval = found["ci95"]
    return ev.Score(
        **{
            **found,
            "ci95": None if interval is None else (interval[0], interval[1]),
            "per_sample": tuple(found["per_sample"]),
            "replicates": tuple(found["replicates"]),
        }
    )


async def run_scorer(job: dict[str, Any], scratch: Path, limit_s: float) -> dict[str, Any]:
    """The answer of a scorer process: scores, or an error in one line."""
    limit_s = min(limit_s, SCORE_S_MAX)
    paths = scratch / "score-job.json", scratch / "score-answer.json"
    try:
        scratch.mkdir(parents=True, exist_ok=True)
        paths[1].unlink(missing_ok=True)
        whole = {**job, "answer": str(paths[1]), "parent_pid": os.getpid(), "alarm_s": limit_s + GRACE_S}
        paths[0].write_text(json.dumps(whole))
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "benchfleet.agent.scorer",
            str(paths[0]),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
            cwd=scratch,
            env={**os.environ, "TMPDIR": str(scratch)},
        )
    except OSError as error:
        return {"error": f"the scorer cannot be started ({error.strerror})"}
    try:
        await asyncio.wait_for(process.wait(), limit_s)
    except asyncio.TimeoutError:
        return {"error": f"scoring took longer than {limit_s:.0f} s"}
    finally:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
    try:
        found = json.loads(paths[1].read_text())
    except (OSError, ValueError):
        return {"error": f"the scorer ended without an answer (exit code {process.returncode})"}
    return found if isinstance(found, dict) else {"error": "the scorer's answer is no object"}
