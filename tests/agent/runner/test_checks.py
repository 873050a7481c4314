"""Outputs are looked at between timed calls and after them; what differs, is not finite or raises is counted."""

from __future__ import annotations

import math
import struct

import numpy as np
import pytest

from benchfleet.agent.runner import checks, outputs
from benchfleet.agent.runner.checks import Check
from benchfleet.agent.runner.contract import RuntimeFault, Tensor, TensorSpec
from benchfleet.agent.runner.feeds import Feeder
from benchfleet.agent.runner.load import Held
from benchfleet.agent.runner.outputs import Likeness
from benchfleet.agent.runner.repeats import DISTINCT_MAX, WITHIN, Repeats


@pytest.fixture(params=[True, False], ids=["numpy", "plain"], autouse=True)
def _either(request, monkeypatch):
    if not request.param:
        monkeypatch.setattr(outputs, "numpy", lambda: None)


class Engine:
    """A third party's session: gives the rows that it is told to, or raises."""

    def __init__(self, give):
        self._give, self._call = give, -1

    def prepare(self, feed):
        pass

    def run(self):
        self._call += 1

    def outputs(self):
        row = self._give(self._call)
        return [Tensor("y", "float32", (1, len(row)), struct.pack(f"<{len(row)}f", *row))]


def timed(give, rounds=3, calls=40, within=True):
    engine = Engine(give)
    engine.run()
    repeats = Repeats([Held(1, engine)], engine.outputs())
    notes = []
    for _ in range(rounds):
        between = repeats.between(notes.append if within else None)
        for i in range(calls):
            engine.run()
            if between is not None:
                between(i)
        repeats.end_round()
    assert len(notes) == (rounds * calls if within else 0)
    return repeats.summary()


def test_a_sound_model_repeats_itself():
    found = timed(lambda call: [1.0, 2.0])
    assert found["repeats"] == 3 * (1 + len([i for i in WITHIN if i < 40]))
    assert (found["distinct"], found["output_std"], found["timed_nan_count"]) == (1, 0.0, 0)


@pytest.mark.parametrize("within", [True, False])
def test_a_model_that_goes_nan_at_its_kth_call_is_caught(within):
    found = timed(lambda call: [math.nan, 1.0] if call >= 70 else [0.0, 1.0], within=within)
    assert found["timed_nan_count"] > 0
    assert found["distinct"] == 2


def test_a_nan_that_passes_is_caught_where_a_copy_is_taken():
    assert timed(lambda call: [math.inf] if call == 17 else [0.0])["timed_inf_count"] == 1


def test_outputs_that_move_have_a_deviation_and_a_bounded_memory():
    found = timed(lambda call: [float(call % 2), 5.0], calls=41)
    assert found["output_std"] == pytest.approx(0.5, abs=0.1)
    endless = timed(lambda call: [float(call)], rounds=DISTINCT_MAX)
    assert endless["distinct"] == DISTINCT_MAX
    assert endless["repeats"] > DISTINCT_MAX


def test_large_outputs_are_copied_at_the_end_of_a_round_alone():
    assert timed(lambda call: [0.0] * 20_000, rounds=2)["repeats"] == 2


def feeder():
    return Feeder([TensorSpec("x", "float32", (None, 2))], {"batch": 1, "shapes": {}, "seed": 0}, None)


def many(samples):
    made = feeder()
    made.samples = samples
    return made


class Raising(Engine):
    def run(self):
        super().run()
        if self._give(self._call) is None:
            raise ValueError("sample too strange")


def test_a_call_that_raises_is_counted_and_the_check_goes_on(tmp_path):
    engine = Raising(lambda call: None if call % 5 == 4 else [0.0, 1.0])
    found = Check(engine, many(20), None, 1).run(20, str(tmp_path), None)
    assert (found["calls"], found["errors"], found["samples"]) == (20, 4, 20)
    assert found["predictions"].count(-1) == 4
    assert "sample too strange" in found["error_detail"]
    assert found["kept_samples"] == 20


def test_a_model_that_only_raises_ends_the_run_with_what_it_said():
    with pytest.raises(RuntimeFault, match="sample too strange"):
        Check(Raising(lambda call: None), many(100), None, 1).run(100, None, None)


def test_outputs_of_another_lane_are_compared_sample_by_sample(tmp_path):
    Check(Engine(lambda call: [3.0, 4.0, float(call)]), many(6), None, 1).run(6, str(tmp_path), None)
    near = Check(Engine(lambda call: [3.0, 4.5, float(call)]), many(6), None, 1).run(6, None, str(tmp_path))["baseline"]
    assert (near["samples"], near["max_abs_diff"]) == (6, 0.5)
    assert near["cosine_min"] < near["cosine_mean"] < 1
    odd = Check(Engine(lambda call: [math.nan] * 3), many(6), None, 1).run(6, None, str(tmp_path))["baseline"]
    assert (odd["max_abs_diff"], odd["reason"]) == (None, "an output is not finite")
    other = Check(Engine(lambda call: [1.0]), many(6), None, 1).run(6, None, str(tmp_path))["baseline"]
    assert "different sizes on 6" in other["reason"]


def test_likeness_is_what_numpy_says():
    source = np.random.default_rng(2)
    a, b = source.normal(size=(5, 30)), source.normal(size=(5, 30))
    likeness = Likeness()
    for one, two in zip(a, b, strict=True):
        likeness.add([one], [two])
    found = likeness.summary()
    cosines = [x @ y / np.linalg.norm(x) / np.linalg.norm(y) for x, y in zip(a, b, strict=True)]
    assert found["max_abs_diff"] == pytest.approx(np.abs(a - b).max())
    assert (found["cosine_mean"], found["cosine_min"]) == pytest.approx((np.mean(cosines), min(cosines)))
    zero = Likeness()
    zero.add([[0.0, 0.0]], [[0.0, 0.0]])
    assert zero.summary()["cosine_min"] == 1.0


def test_outputs_that_fill_the_disk_s_share_are_kept_in_part_and_it_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(outputs, "KEPT_BYTES_MAX", 40)
    found = Check(Engine(lambda call: [0.0, 1.0]), many(20), None, 1).run(20, str(tmp_path), None)
    assert (found["kept_samples"], found["samples"]) == (5, 20)
    assert "outputs of 5 samples" in found["kept_reason"]
    assert checks.SAMPLES_MAX >= 20
