"""LoadGen's early-stopping estimate of a percentile: a one-sided bound that holds with 99 % confidence.

Of n queries the t-th longest is taken, with the largest t for which at most t of n would be longer than the true
percentile with a probability of 1 % at most. MLCommons LoadGen prints it beside every SingleStream result, so a
number made here can be laid beside one made there: the same queries give the same nanoseconds. Independent queries are
assumed; where they are not, it is too low.
https://github.com/mlcommons/inference/blob/master/loadgen/early_stopping.cc
"""

from __future__ import annotations

import math
from collections.abc import Sequence

CONFIDENCE = 0.99
GRADES = {0.9: 64, 0.95: 130, 0.99: 662, 0.999: 6636}
"""The fewest queries with which LoadGen gives each percentile."""


def loadgen_grade(n: int, q: float) -> bool:
    """Whether LoadGen would give this percentile of n queries."""
    return overlong(n, q) >= 1


def overlong(n: int, q: float) -> int:
    """t: the largest count with P(at most t of n are above the q-quantile) <= 1 - CONFIDENCE; 0 when there is none."""
    low, high = 0, math.floor(n * (1 - q))
    while low < high:
        middle = (low + high + 1) // 2
        if at_most(middle, n, q) < 1 - CONFIDENCE:
            low = middle
        else:
            high = middle - 1
    return low


def at_most(t: int, n: int, q: float) -> float:
    """P(X <= t) of a binomial of n trials with probability 1 - q, for t up to its mean: the terms fall from t down."""
    log_term = math.lgamma(n + 1) - math.lgamma(t + 1) - math.lgamma(n - t + 1)
    term = math.exp(log_term + t * math.log1p(-q) + (n - t) * math.log(q))
    total, odds = 0.0, q / (1 - q)
    for k in range(t, -1, -1):
        total += term
        term *= k / (n - k + 1) * odds
        if term < total * 1e-17:
            break
    return total


def estimate(ordered: Sequence[float], q: float) -> float | None:
    """LoadGen's estimate of the q-quantile of sorted data; None below its grade."""
    t = overlong(len(ordered), q)
    return ordered[len(ordered) - t] if t else None
