"""A model whose outputs are wrong, unchecked or not repeatable has no latency worth knowing."""

from __future__ import annotations

from collections.abc import Iterator

from benchfleet.agent.measure.flags import Seen, degraded, invalid
from benchfleet.core.evidence import Likeness, OutputCheck
from benchfleet.core.results import Reason

ORDER = 10
ERRORS_INVALID = 0.01
"""Of the calls on the data set: above, what was scored is not the model that was meant."""


def find(seen: Seen) -> Iterator[Reason]:
    """outputs_unchecked, nan_inf, output_unstable, output_mismatch, call_errors."""
    outputs = seen.evidence.model.outputs
    if outputs is None:
        yield invalid("outputs_unchecked", "the outputs were never read: nothing says that the model works")
        return
    if outputs.nan_count or outputs.inf_count:
        timed = outputs.timed_nan_count
        where = f", {timed} of them between timed calls" if timed else ""
        yield invalid(
            "nan_inf",
            f"outputs hold {outputs.nan_count} NaN and {outputs.inf_count} infinities{where}: check weights and inputs",
        )
    if not outputs.stable:
        spread = "" if outputs.output_std is None else f" (standard deviation up to {outputs.output_std:.3g})"
        yield degraded(
            "output_unstable", f"the same input gave different outputs{spread}: the model is not deterministic here"
        )
    yield from _mismatches(outputs)
    if outputs.errors:
        share = outputs.errors / max(1, outputs.calls)
        yield (invalid if share > ERRORS_INVALID else degraded)(
            "call_errors",
            f"{outputs.errors} of {outputs.calls} calls on the data set raised ({outputs.error_detail or 'silently'})",
        )


def _mismatches(outputs: OutputCheck) -> Iterator[Reason]:
    """Beyond the tolerance that the data set declares: of stored outputs, the right ones, that is invalid."""
    why = _beyond(outputs.tolerance, outputs.stored)
    if why:
        yield invalid("output_mismatch", f"outputs differ from those stored in the data set {why}")
    why = _beyond(outputs.tolerance, outputs.baseline)
    if why:
        yield degraded("output_mismatch", f"outputs differ from the baseline's {why}")


def _beyond(tolerance: dict[str, float], found: Likeness | None) -> str | None:
    if not tolerance or found is None:
        return None
    if found.max_abs_diff is None or found.cosine_min is None:
        return f"({found.reason or 'they cannot be compared'})"
    most, least = tolerance.get("max_abs_diff"), tolerance.get("min_cosine")
    if most is not None and found.max_abs_diff > most:
        return f"by up to {found.max_abs_diff:.3g}, and {most:g} is declared"
    if least is not None and found.cosine_min < least:
        return f"by a cosine down to {found.cosine_min:.4f}, and {least:g} is declared"
    return None
