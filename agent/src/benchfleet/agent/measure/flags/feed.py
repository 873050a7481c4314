"""A model that is fed the wrong numbers is fast and wrong: what was fed against what was declared, and guessing."""

from __future__ import annotations

from collections.abc import Iterator

from benchfleet.agent.measure.flags import Seen, degraded
from benchfleet.core.evidence import FedRange, OutputCheck
from benchfleet.core.results import Reason

ORDER = 11
BEYOND = 0.05
"""Of the declared range: rounding and resizing stay within, a factor of 255 does not."""
NARROW = 0.05
"""Of the declared range: real samples use more of it, unless they were scaled twice."""
OUTSIDE = 0.10
"""Of the values: more than the outliers that calibration cuts off."""
NEAR_CHANCE = 0.10
"""Of the way from guessing to right."""
SAMPLES_FEWEST = 30
AGREE = 0.9


def find(seen: Seen) -> Iterator[Reason]:
    """feed_implausible, accuracy_near_chance."""
    outputs = seen.evidence.model.outputs
    if outputs is None:
        return
    for fed in outputs.fed:
        why = _implausible(fed)
        if why:
            yield degraded("feed_implausible", f"input {fed.name} was fed {fed.low:.4g} to {fed.high:.4g}, {why}")
    yield from _near_chance(seen, outputs)


def _implausible(fed: FedRange) -> str | None:
    for source, wanted in (("the model", fed.declared), ("the model's own file", fed.by_file)):
        if wanted is None:
            continue
        low, high = wanted
        span = high - low
        if fed.low < low - BEYOND * span or fed.high > high + BEYOND * span:
            return f"{source} wants {low:g} to {high:g}: check scale, mean and std of the data set"
        if fed.high - fed.low < NARROW * span:
            return f"a sliver of the {low:g} to {high:g} that {source} wants: check scale, mean and std"
    if fed.held is not None:
        low, high = fed.held
        if fed.outside_ratio > OUTSIDE:
            return f"{fed.outside_ratio:.0%} of it beyond the {low:.4g} to {high:.4g} that the quantised input holds"
        if 0 < fed.high - fed.low < NARROW * (high - low):
            return f"a sliver of the {low:.4g} to {high:.4g} that the quantised input holds: check the scale"
    return None


def _near_chance(seen: Seen, outputs: OutputCheck) -> Iterator[Reason]:
    score = outputs.scores.get(outputs.primary or "")
    if score is None or score.value is None or score.chance is None or score.ci95 is None or score.n < SAMPLES_FEWEST:
        return
    if score.chance >= 1 or (score.ci95[0] - score.chance) / (1 - score.chance) > NEAR_CHANCE:
        return
    detail = f"{outputs.primary} is {score.value:.3f}, always guessing the most frequent class gives {score.chance:.3f}"
    agreement = seen.metrics.get("agreement_with_reference")
    if agreement is not None and agreement.value is not None and agreement.value >= AGREE:
        detail += f", and the baseline agrees on {agreement.value:.0%}: not this model but what both are fed is wrong"
    else:
        detail += ": check the labels, the pre-processing and class_offset"
    yield degraded("accuracy_near_chance", detail)
