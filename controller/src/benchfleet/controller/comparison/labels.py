"""Short names for the cells of a campaign: only what varies is said, so that tables and pictures stay readable."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from benchfleet.controller.catalog import RunRecord
from benchfleet.core.errors import one_line

FULL_LABEL_CHARACTERS = 200
"""Longer names (they come from users) are cut; the run id still tells rows apart."""


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
