"""Heat as a chain of one or two resistors and capacitors between what makes it and the air around it.

    power -> [die: C1] --R1-- [sink: C2] --R2-- ambient        one node: power -> [die: C1] --R1-- ambient

While the power is constant the temperatures follow a sum of exponentials. A step of any length is taken by that
solution, not by small differences, so that a clock that runs fast is not a clock that is wrong.
https://en.wikipedia.org/wiki/Lumped-element_model#Thermal_systems
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One lump: its name, the resistance to the next one (the last: to the air), and its capacity."""

    name: str
    r_c_per_w: float
    c_j_per_c: float


def settled(nodes: Sequence[Node], ambient_c: float, power_w: float) -> list[float]:
    """The temperatures that are reached in the end."""
    found, here_c = [], ambient_c
    for node in reversed(nodes):
        here_c += power_w * node.r_c_per_w
        found.append(here_c)
    return found[::-1]


def after(
    nodes: Sequence[Node], ambient_c: float, start_c: Sequence[float], power_w: float, span_s: float
) -> list[float]:
    """The temperatures `span_s` later, at constant power."""
    end_c = settled(nodes, ambient_c, power_w)
    off = [start - end for start, end in zip(start_c, end_c, strict=True)]
    if len(nodes) == 1:
        left = [off[0] * math.exp(-span_s / (nodes[0].r_c_per_w * nodes[0].c_j_per_c))]
    else:
        left = _two(nodes[0], nodes[1], off[0], off[1], span_s)
    return [end + rest for end, rest in zip(end_c, left, strict=True)]


def _two(die: Node, sink: Node, off_die: float, off_sink: float, span_s: float) -> list[float]:
    """What is left of two deviations: exp(A t) of a 2 x 2 matrix, whose eigenvalues are real, below 0 and distinct."""
    a = -1 / (die.r_c_per_w * die.c_j_per_c)
    b = -a
    c = 1 / (die.r_c_per_w * sink.c_j_per_c)
    d = -c - 1 / (sink.r_c_per_w * sink.c_j_per_c)
    middle, half = (a + d) / 2, math.sqrt(((a - d) / 2) ** 2 + b * c)
    fast, slow = middle - half, middle + half
    e_fast, e_slow = math.exp(fast * span_s), math.exp(slow * span_s)
    # exp(A t) = (e_slow (A - fast I) - e_fast (A - slow I)) / (slow - fast)
    p = (e_slow * (a - fast) - e_fast * (a - slow)) / (slow - fast)
    q = (e_slow - e_fast) * b / (slow - fast)
    r = (e_slow - e_fast) * c / (slow - fast)
    s = (e_slow * (d - fast) - e_fast * (d - slow)) / (slow - fast)
    return [p * off_die + q * off_sink, r * off_die + s * off_sink]
