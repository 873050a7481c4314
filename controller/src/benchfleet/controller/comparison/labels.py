"""Short names for the cells of a campaign: only what varies is said, so that tables and pictures stay readable."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from benchfleet.controller.catalog import RunRecord
from benchfleet.core.errors import one_line

FULL_LABEL_CHARACTERS = 200
"""Longer names (they come from users) are cut; the run id still tells rows apart."""


def is_simulated(run: RunRecord) -> bool:
    """Whether its numbers are of a board that is not there, or of a runtime that runs no model."""
    return bool(run.result and run.result.provenance.get("simulated"))


def device_titles(runs: Iterable[RunRecord]) -> dict[str, str]:
    """Each device in the order of the runs, and its name as a title: a simulated board is never without the word."""
    found: dict[str, str] = {}
    for run in runs:
        board = run.result.provenance.get("simulated_board") if run.result else None
        if board:
            found[run.device] = f"{run.device} (SIMULATED {one_line(str(board), limit=60)})"
        else:
            found.setdefault(run.device, run.device)
    return found


def labels(runs: Iterable[RunRecord], *, device: bool = True) -> dict[str, str]:
    """A label by run id, unique among the given runs of a device; with `device` it is named when there are several."""
    rows = list(runs)
    parts = {run.run_id: _parts(run) for run in rows}
    names = ("model", "format", "runtime", "threads", "batch", "scenario", "power_mode", "device")
    varying = [n for n in names if n == "model" or len({p[n] for p in parts.values()}) > 1]
    if not device:
        varying = [n for n in varying if n != "device"]
    short = {
        rid: one_line(" ".join(p[n] for n in varying if p[n]), limit=FULL_LABEL_CHARACTERS) for rid, p in parts.items()
    }
    if device:
        short |= {run.run_id: f"{short[run.run_id]} (simulated)" for run in rows if is_simulated(run)}
    seen = Counter((text, parts[rid]["device"]) for rid, text in short.items())
    return {
        rid: text if seen[text, parts[rid]["device"]] == 1 else f"{text} ({one_line(rid)[:12]})"
        for rid, text in short.items()
    }


def _parts(run: RunRecord) -> dict[str, str]:
    key = run.cell_key.removesuffix(f" power_mode={run.power_mode}")
    behind = key.partition(f" {run.scenario}")[2].strip()
    return {
        "model": run.model,
        "format": run.format,
        "runtime": run.runtime,
        "threads": f"t{run.threads}",
        "batch": f"b{run.batch}",
        "scenario": f"{run.scenario} {behind}".strip(),
        "power_mode": run.power_mode or "",
        "device": f"@{run.device}",
    }
