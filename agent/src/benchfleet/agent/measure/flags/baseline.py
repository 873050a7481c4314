"""A baseline that is not there, or does other work: the cell keeps its own numbers, and a ratio that says little."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Any

from benchfleet.agent.measure.flags import Seen, degraded
from benchfleet.core.evidence import Lane
from benchfleet.core.results import Reason


def find(seen: Seen) -> Iterator[Reason]:
    """`baseline_failed`, with the model and how it failed; `baseline_unlike`, with what differs."""
    if seen.evidence.baseline_fault:
        yield degraded("baseline_failed", f"there is nothing to compare with: baseline {seen.evidence.baseline_fault}")
    if seen.evidence.baseline is not None:
        differing = list(_differing(seen.evidence.model, seen.evidence.baseline))
        if differing:
            yield degraded(
                "baseline_unlike",
                f"{' and '.join(differing)}: their ratio compares different work; choose its own parent",
            )


def _differing(model: Lane, baseline: Lane) -> Iterator[str]:
    """Values of one sample, whatever their layout and type: those are what quantising and converting change."""
    for which in ("inputs", "outputs"):
        ours, theirs = _sizes(model, which), _sizes(baseline, which)
        if ours is not None and theirs is not None and ours != theirs:
            yield f"{which} of the model have {_shown(ours)} values, of its baseline {_shown(theirs)}"


def _sizes(lane: Lane, which: str) -> list[int] | None:
    """Of each tensor without its first axis, in order of size; None where they are not known or open."""
    tensors: Any = lane.launches[0].facts.get(which) if lane.launches else None
    if tensors is None or any(size is None for tensor in tensors for size in tensor["shape"][1:]):
        return None
    return sorted(prod(tensor["shape"][1:]) for tensor in tensors)


def _shown(sizes: list[int]) -> str:
    return " and ".join(f"{size:,}" for size in sizes) or "no"
