"""Which queued runs of a device are leased together, pure: cells whose rounds can take turns.

Cells of one campaign with one profile and one scenario, as many as the agent takes and the device's memory holds: each
lane is a process with its model loaded. What does not go along waits for the next block.
"""

from __future__ import annotations

from collections.abc import Sequence

from benchfleet.core import scenario
from benchfleet.core.errors import BenchfleetError
from benchfleet.core.runspec import RunSpec

SEARCHED_MAX = 64
"""Of the queue behind a run: in a plan's order the cells that go together stand close to each other."""

LANE_BYTES = 128 * 1024**2
"""A Python with its runtime imported takes 50 to 100 MB."""

MODEL_COPIES = 4
"""A file read, its weights unpacked, and the activations: what loading takes at most of the models tried."""

MEMORY_SHARE = 0.5
"""The rest is the system's, and what a model takes that its file does not tell."""

Waiting = tuple[str, RunSpec]


def together(head: RunSpec, others: Sequence[Waiting], *, members_max: int, memory_bytes: int) -> list[str]:
    """The runs to lease beside `head`, in their order."""
    if _alone(head):
        return []
    lanes = _lanes(head)
    chosen: list[str] = []
    for run_id, spec in others:
        if len(chosen) + 1 >= members_max:
            break
        more = {**lanes, **_lanes(spec)}
        if spec.pace != head.pace or sum(more.values()) > MEMORY_SHARE * memory_bytes:
            continue
        lanes = more
        chosen.append(run_id)
    return chosen


def _alone(spec: RunSpec) -> bool:
    try:
        return scenario.is_alone(spec.scenario)
    except BenchfleetError:
        return True  # of a plug-in that is not here any more: the agent will say so


def _lanes(spec: RunSpec) -> dict[str, int]:
    """Memory by lane; cells with the same model and setting share one."""
    return {key: LANE_BYTES + MODEL_COPIES * model.artifact.size_bytes for key, model in spec.lanes.items()}
