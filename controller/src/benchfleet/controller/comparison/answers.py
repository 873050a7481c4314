"""What a scenario asks beside latency and throughput, on a terminal: a table a scenario, as its file names the metrics.

`deadline_miss_ratio` says everything of cameras and nothing of a batch job, so it is no column of the common table.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import RenderableType
from rich.text import Text

from benchfleet.controller.catalog import RunRecord
from benchfleet.controller.comparison import numbers
from benchfleet.controller.screen import arranged
from benchfleet.core import scenario
from benchfleet.core.errors import one_line
from benchfleet.core.metric import catalogue

COMMON = ("latency_ms_p50", "latency_ms_p99", "throughput_per_s", "streams", "batch_size")
"""What every table has: as columns, or in the name of the cell."""


def answers(labelled: Sequence[tuple[str, RunRecord]], width: int) -> Iterator[RenderableType]:
    """A table for each scenario of the runs that asks for more than the common table says."""
    measured = [(label, run) for label, run in labelled if run.result is not None and run.result.metrics]
    for name in dict.fromkeys(run.scenario for _, run in measured):
        columns = [metric for metric in scenario.shows(name) if metric in catalogue() and metric not in COMMON]
        if not columns:
            continue
        rows = [
            [Text(one_line(label)), *(Text(_number(run, metric)) for metric in columns)]
            for label, run in measured
            if run.scenario == name
        ]
        yield arranged(("cell", *columns), rows, width, right=columns, title=Text(one_line(name, limit=80)))


def _number(run: RunRecord, metric: str) -> str:
    assert run.result is not None
    return numbers.plain(run.result.metrics.get(metric))
