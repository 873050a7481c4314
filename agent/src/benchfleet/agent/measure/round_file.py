"""The raw series of the round just timed, read back from the end of the file that the runner appends to."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchfleet.core import evidence as ev

NAMES_MAX, ENTRIES_MAX = 16, 1 << 20
"""Of one round, as the runner tells them: its answer is input."""


def last(path: Path, told: Sequence[Sequence[Any]]) -> dict[str, array[int]]:
    """The series by name; ValueError when the file does not hold what was told."""
    sizes = [(str(name), int(count)) for name, count in told]
    if len(sizes) > NAMES_MAX or any(not 0 <= count <= ENTRIES_MAX for _, count in sizes):
        raise ValueError("the runner tells of more series than a round has")
    found = {}
    with path.open("rb") as file:
        file.seek(-8 * sum(count for _, count in sizes), 2)
        for name, count in sizes:
            found[name] = array("q")
            found[name].frombytes(file.read(8 * count))
    return found


def as_round(done: dict[str, Any], series: dict[str, array[int]], *, launch: int, index: int) -> ev.Round:
    """The runner's answer and its series as evidence."""
    return ev.Round(
        launch=launch,
        index=index,
        start_ns=done["start_ns"],
        end_ns=done["end_ns"],
        wall_ns=series["wall_ns"],
        cpu_ns=done["cpu_ns"],
        runq_wait_ns=done["runq_wait_ns"],
        runq_waits_ns=series.get("runq_wait_ns", ()),
        tasks_wait_ns=done["tasks_wait_ns"],
        stops=done["stops"],
        samples=done["samples"],
        unserved=done["unserved"],
        extra={name: held for name, held in series.items() if name not in ("wall_ns", "runq_wait_ns")},
    )
