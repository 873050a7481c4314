"""Labels never overlap, whatever their points do."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from benchfleet.controller.reports._draw import (
    COLOURS,
    LABEL_CHARACTERS,
    LABELS_AT,
    _cross,
    _through,
    short,
    spread,
    untangled,
)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=40))
def test_labels_keep_their_distance_their_order_and_their_picture(wanted):
    wanted.sort(reverse=True)
    gap = 1 / 41
    heights = spread(wanted, gap)
    assert all(a - b >= gap - 1e-9 for a, b in pairwise(heights))
    assert min(heights) >= -1e-9
    assert max(heights) <= 1 + 1e-9


@given(st.text(max_size=200))
def test_long_labels_lose_their_middle_not_their_ends(text):
    found = short(text)
    assert len(found) <= LABEL_CHARACTERS
    assert "\n" not in found


def test_ends_of_a_long_label_stay():
    found = short("digits:fp32 " + "x" * 100 + " @pi5")
    assert found.startswith("digits:fp32")
    assert found.endswith("@pi5")


def tangles(anchors, order, heights):
    lines = {i: (anchors[i], (LABELS_AT, heights[k])) for k, i in enumerate(order)}
    crossing = sum(_cross(lines[a], lines[b]) for a in lines for b in lines if a < b)
    return crossing + sum(_through(lines[a], anchors[b]) for a in lines for b in lines if a != b)


def test_lines_of_points_of_one_height_do_not_cross_or_run_through_marks():
    anchors = [(0.82, 0.5), (0.99, 0.5), (0.4, 0.5), (0.5, 0.5), (0.2, 0.48), (0.25, 0.48)]
    heights = [0.5, 0.42, 0.34, 0.26, 0.18, 0.1]
    assert tangles(anchors, range(6), heights) > 0
    assert tangles(anchors, untangled(anchors, range(6), heights), heights) == 0


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=15))
def test_no_label_is_lost_and_none_is_more_tangled_than_before(anchors):
    placed = sorted(range(len(anchors)), key=lambda i: -anchors[i][1])
    heights = spread([anchors[i][1] for i in placed], 1 / 16)
    order = untangled(anchors, placed, heights)
    assert sorted(order) == sorted(placed)
    assert tangles(anchors, order, heights) <= tangles(anchors, placed, heights)


def test_colours_are_far_apart():
    """In sRGB; the two oranges of the palette are 67 apart."""
    rgb = [[int(colour[i : i + 2], 16) for i in (1, 3, 5)] for colour in COLOURS]
    apart = [sum((x - y) ** 2 for x, y in zip(a, b, strict=True)) ** 0.5 for a in rgb for b in rgb if a is not b]
    assert min(apart) > 70
