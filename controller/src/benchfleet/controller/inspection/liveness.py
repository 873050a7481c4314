"""The most bytes of activations that are alive at once when a graph runs in the order of its nodes.

A tensor lives from the node that makes it to the last that reads it; inputs live from the start, outputs to the end.
Constants are weights, not activations. A runtime that fuses or works in place needs less, one that pads needs more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

Step = tuple[Sequence[str], Sequence[str]]
"""What a node reads and what it makes."""


def peak_bytes(steps: Sequence[Step], inputs: Iterable[str], outputs: Iterable[str], sizes: Mapping[str, int]) -> int:
    """The peak; names without a size are constants and cost nothing."""
    last_use = {name: i for i, (reads, makes) in enumerate(steps) for name in (*makes, *reads)}
    last_use.update(dict.fromkeys(outputs, len(steps)))
    dying: dict[int, set[str]] = {}
    for name, i in last_use.items():
        dying.setdefault(i, set()).add(name)
    alive = {name for name in inputs if name in sizes}
    held = peak = sum(sizes[name] for name in alive)
    for i, (_, makes) in enumerate(steps):
        for name in makes:
            if name in sizes and name not in alive:
                alive.add(name)
                held += sizes[name]
        peak = max(peak, held)
        gone = alive & dying.get(i, set())
        held -= sum(sizes[name] for name in gone)
        alive -= gone
    return peak
