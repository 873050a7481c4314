"""A model whose outputs are wrong, unchecked or not repeatable has no latency worth knowing."""

from __future__ import annotations

from collections.abc import Iterator

from benchfleet.agent.measure.flags import Seen, degraded, invalid
from benchfleet.core.results import Reason

ORDER = 10


def find(seen: Seen) -> Iterator[Reason]:
    """outputs_unchecked, nan_inf, output_unstable."""
    outputs = seen.evidence.model.outputs
    if outputs is None:
        yield invalid("outputs_unchecked", "the outputs were never read: nothing says that the model works")
        return
    if outputs.nan_count or outputs.inf_count:
        yield invalid(
            "nan_inf",
            f"outputs hold {outputs.nan_count} NaN and {outputs.inf_count} infinities: check weights and inputs",
        )
    if not outputs.stable:
        yield degraded("output_unstable", "the same input gave different outputs: the model is not deterministic here")
