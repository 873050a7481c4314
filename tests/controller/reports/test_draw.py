"""Labels never overlap, whatever their points do."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from benchfleet.controller.reports._draw import LABEL_CHARACTERS, short, spread


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
