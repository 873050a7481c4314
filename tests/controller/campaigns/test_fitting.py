"""A shape in a campaign contradicts a file only where its first axis must be the batch."""

from __future__ import annotations

import pytest

from benchfleet.controller.campaigns import fitting


def why(shape, given, batch=1):
    return fitting.unfed({"inputs": [{"name": "x", "dtype": "float32", "shape": shape}]}, batch, {"x": given})


@pytest.mark.parametrize(
    ("shape", "given", "batch"),
    [(["N", 4], (2, 4), 1), (["batch_size", 4], (3, 4), 2), ([None, 4], (2, 4), 1), ([1, 4], (2, 4), 1)],
)
def test_a_batch_axis_of_another_size_than_the_batch_is_left_out_of_the_plan(shape, given, batch):
    assert "they must be equal" in why(shape, given, batch)


@pytest.mark.parametrize(
    ("shape", "given"),
    [(["seq", 4], (7, 4)), ([2, 1, 4], (2, 1, 4)), (["samples"], (16000,)), (["N", 4], (1, 4))],
)
def test_a_sequence_a_state_and_a_waveform_have_their_own_size(shape, given):
    assert not why(shape, given)
