"""How numbers are written for people: enough digits to tell runs apart, never more than the measurement carries."""

from __future__ import annotations

import math

from benchfleet.controller.comparison.ratio import Ratio
from benchfleet.core.results import Value

ABSENT = "–"
KILO_BELOW = 100_000
"""Bytes from which MB are short."""


def significant(value: float, digits: int = 3) -> str:
    """Three significant digits without exponent where that is readable: 0.0123, 1.23, 123, 12,300."""
    if value == 0:
        return "0"
    magnitude = abs(value)
    if magnitude >= 1e12 or magnitude < 1e-5:
        return f"{value:.{digits - 1}e}"
    rounded = float(f"{value:.{digits - 1}e}")
    places = max(0, digits - 1 - math.floor(math.log10(abs(rounded))))
    return f"{rounded:,.{places}f}"


def plain(value: Value | None) -> str:
    """The number alone, or a dash."""
    return ABSENT if value is None or value.value is None else significant(value.value)


def with_half_width(value: Value | None) -> str:
    """`12.3 ±0.4` when there is an interval, `12.3` without one, a dash when it was not measured."""
    if value is None or value.value is None:
        return ABSENT
    text = significant(value.value)
    if value.ci95 is None:
        return text
    return f"{text} ±{significant((value.ci95[1] - value.ci95[0]) / 2, 2)}"


def size(value: Value | None) -> str:
    """Bytes as MB (10^6), the unit that limits are written in; small models in kB."""
    if value is None or value.value is None:
        return ABSENT
    if value.value < KILO_BELOW:
        return f"{significant(value.value / 1e3)} kB"
    return f"{significant(value.value / 1e6)} MB"


def percent(value: Value | None) -> str:
    """A share as a percentage with one decimal."""
    return ABSENT if value is None or value.value is None else f"{100 * value.value:.1f} %"


def points(value: Value | None) -> str:
    """Percentage points with a sign; lost accuracy is positive as in the metric's name."""
    return ABSENT if value is None or value.value is None else f"{value.value:+.2f} pp"


def ratio(of: Ratio, *, lower: str, higher: str, interval: bool = True, inverse: bool = True) -> str:
    """`1.61× faster [1.59, 1.64]`, `1.03× slower`: the factor beside a word is above 1, and so are its bounds.

    The words for lower and higher depend on the metric. Without a finding, or without `inverse`, it is the plain ratio.
    """
    if of.value is None:
        return ABSENT
    upside_down = inverse and of.finding == "lower" and of.value > 0
    text = f"{factor(1 / of.value if upside_down else of.value)}×"
    words = {"lower": lower, "higher": higher, "no detectable difference": "no detectable difference"}
    if of.finding in words:
        text += f" {words[of.finding]}"
    if of.forced:
        text += f" (unlike {', '.join(of.forced)})"
    if interval and of.ci95 is not None and of.ci95[0] != of.ci95[1]:
        low, high = of.ci95
        if upside_down and low > 0:
            low, high = 1 / high, 1 / low
        text += f" [{factor(low)}, {factor(high)}]"
    return text


def factor(value: float) -> str:
    """A ratio: two decimals around 1, three significant digits where these would hide it: 0.000123, 1,230."""
    return f"{value:.2f}" if 0.1 <= abs(value) < 10 else significant(value)
