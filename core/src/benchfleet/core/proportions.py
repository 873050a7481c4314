"""Intervals of shares and of what two models differ by on the same samples; standard library only.

A share: Wilson (1927). A difference of two shares on the same samples: Bonett and Price (2012), which counts only the
samples on which the two disagree, as McNemar's test does. A difference of per-sample scores: Student's t of the
differences. A difference of statistics of a whole set (mAP, BLEU): percentiles of a paired bootstrap.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from statistics import NormalDist

from benchfleet.core.statistics import t_quantile_975

Z_975 = NormalDist().inv_cdf(0.975)
REPLICATES = 200
"""Enough for the 2.5 % and 97.5 % percentiles to two digits, and few enough for a small board."""
SEED = 20120525
"""One seed for every set of a size, so that two models are resampled alike: the bootstrap is paired."""


def wilson(hits: int, n: int) -> tuple[float, float]:
    """95 % interval of a share; ValueError for no samples."""
    if n < 1:
        raise ValueError("a share needs at least one sample")
    p, z2 = hits / n, Z_975 * Z_975
    centre = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = Z_975 * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    return max(0.0, centre - half), min(1.0, centre + half)


def paired_shares(theirs: Sequence[float], ours: Sequence[float]) -> tuple[float, float]:
    """95 % interval of share(theirs) - share(ours), both 0 or 1 per sample (Bonett and Price, 2012)."""
    n = len(ours)
    if n < 1 or len(theirs) != n:
        raise ValueError("a paired difference needs the same samples, and at least one")
    only_theirs = sum(a > b for a, b in zip(theirs, ours, strict=True))
    only_ours = sum(a < b for a, b in zip(theirs, ours, strict=True))
    p, q = (only_theirs + 1) / (n + 2), (only_ours + 1) / (n + 2)
    half = Z_975 * math.sqrt((p + q - (p - q) ** 2) / (n + 2))
    return max(-1.0, p - q - half), min(1.0, p - q + half)


def mean_interval(values: Sequence[float]) -> tuple[float, float] | None:
    """95 % interval of a mean by Student's t; None for fewer than two values."""
    n = len(values)
    if n < 2:
        return None
    mean = math.fsum(values) / n
    variance = math.fsum((v - mean) ** 2 for v in values) / (n - 1)
    half = t_quantile_975(n - 1) * math.sqrt(variance / n)
    return mean - half, mean + half


def resamples(n: int) -> list[list[int]]:
    """REPLICATES draws of n samples with replacement: always the same for one n."""
    source = random.Random(SEED)
    everything = range(n)
    return [source.choices(everything, k=n) for _ in range(REPLICATES)]


def percentile_interval(replicates: Sequence[float]) -> tuple[float, float] | None:
    """2.5 % to 97.5 % of bootstrap replicates; None when there are too few to tell."""
    if len(replicates) < REPLICATES // 2:
        return None
    ordered = sorted(replicates)
    return ordered[math.floor(0.025 * len(ordered))], ordered[math.ceil(0.975 * len(ordered)) - 1]
