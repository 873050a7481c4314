"""Temperatures of a simulated board against the solution on paper, whatever the length of a step."""

from __future__ import annotations

import math

import pytest

from benchfleet.agent.simulate.heat import Node, after, settled

ONE = [Node(name="die", r_c_per_w=4.0, c_j_per_c=10.0)]
TWO = [Node(name="die", r_c_per_w=1.0, c_j_per_c=10.0), Node(name="sink", r_c_per_w=3.0, c_j_per_c=100.0)]


def small_steps(nodes: list[Node], start_c: list[float], power_w: float, span_s: float) -> list[float]:
    """The same by Euler's rule with steps of a millisecond."""
    here, step_s = list(start_c), 1e-3
    for _ in range(round(span_s / step_s)):
        into = power_w
        gains = []
        for i, node in enumerate(nodes):
            above = here[i + 1] if i + 1 < len(nodes) else 25.0
            out = (here[i] - above) / node.r_c_per_w
            gains.append((into - out) / node.c_j_per_c * step_s)
            into = out
        here = [t + gain for t, gain in zip(here, gains, strict=True)]
    return here


@pytest.mark.parametrize("span_s", [0.01, 1.0, 40.0, 1000.0])
def test_one_node_follows_its_exponential(span_s: float) -> None:
    (found,) = after(ONE, 25.0, [25.0], 10.0, span_s)
    assert found == pytest.approx(25.0 + 40.0 * (1 - math.exp(-span_s / 40.0)))


def test_two_nodes_follow_the_differential_equation() -> None:
    assert after(TWO, 25.0, [30.0, 28.0], 8.0, 20.0) == pytest.approx(
        small_steps(TWO, [30.0, 28.0], 8.0, 20.0), rel=1e-4
    )


@pytest.mark.parametrize("nodes", [ONE, TWO])
def test_one_long_step_is_many_short_ones(nodes: list[Node]) -> None:
    start_c = [25.0] * len(nodes)
    many = start_c
    for _ in range(600):
        many = after(nodes, 25.0, many, 6.0, 1.0)
    assert after(nodes, 25.0, start_c, 6.0, 600.0) == pytest.approx(many)


def test_in_the_end_power_times_resistance_is_what_it_is_warmer() -> None:
    assert settled(TWO, 25.0, 10.0) == pytest.approx([65.0, 55.0])
    assert after(TWO, 25.0, [25.0, 25.0], 10.0, 1e6) == pytest.approx([65.0, 55.0])
