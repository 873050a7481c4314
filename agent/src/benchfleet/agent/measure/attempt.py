"""One cell alone: a block of one."""

from __future__ import annotations

from benchfleet.agent.measure.block import Around, Cell, Files, Measured, measure_block
from benchfleet.core.runspec import RunSpec

__all__ = ["Around", "Files", "Measured", "measure"]


async def measure(spec: RunSpec, files: Files, around: Around) -> Measured:
    """Measures; whatever a model or a runner does is in the result, and never raised."""
    (found,) = await measure_block([Cell(name="cell", spec=spec, files=files)], around)
    return found
