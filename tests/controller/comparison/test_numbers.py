"""Numbers as people read them."""

import pytest

from benchfleet.controller.comparison import numbers
from benchfleet.controller.comparison.ratio import Ratio, finding
from benchfleet.core.results import Value


@pytest.mark.parametrize(
    ("value", "ci95", "text"),
    [
        (0.97, (0.96, 0.98), "1.03× faster [1.02, 1.04]"),
        (1.03, (1.02, 1.04), "1.03× slower [1.02, 1.04]"),
        (0.5, (0.49, 0.51), "2.00× faster [1.96, 2.04]"),
        (0.000123, (0.0001, 0.0002), "8,130× faster [5,000, 10,000]"),
        (1234.5, (1200.0, 1300.0), "1,230× slower [1,200, 1,300]"),
        (1.001, (0.99, 1.01), "1.00× no detectable difference [0.99, 1.01]"),
    ],
)
def test_a_factor_beside_a_word_is_above_one(value, ci95, text):
    assert (
        numbers.ratio(Ratio(value=value, ci95=ci95, finding=finding(value, ci95)), lower="faster", higher="slower")
        == text
    )


def test_a_plain_ratio_keeps_its_direction_and_its_digits():
    tiny = Ratio(value=0.000123, ci95=(0.0001, 0.0002), finding="lower")
    assert numbers.ratio(tiny, lower="lower", higher="higher", inverse=False).startswith("0.000123× lower")


@pytest.mark.parametrize(
    ("size_bytes", "text"), [(812, "0.812 kB"), (98_500, "98.5 kB"), (304_960, "0.305 MB"), (1.2e9, "1,200 MB")]
)
def test_small_files_are_in_kilobytes(size_bytes, text):
    assert numbers.size(Value(value=size_bytes)) == text
