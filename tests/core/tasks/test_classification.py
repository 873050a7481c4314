"""Top-1 and top-5 are shares of hits; NaN predicts nothing; labels out of range are named."""

from __future__ import annotations

import json

import pytest

from benchfleet.core.task import Output, TaskError, Truth
from benchfleet.core.tasks import classification


def predicted(numbers, **post):
    truth = Truth(about={"postprocess": post}, samples=1)
    return classification.predict([Output(name="y", shape=(len(numbers),), numbers=numbers)], truth, 0)


def test_the_largest_wins_and_of_equals_the_first():
    assert predicted([0.0, 2.0, 1.0, 2.0])[:3] == [1, 3, 2]
    assert predicted([9.0, 0.0, 2.0], class_offset=1)[0] == 1
    assert predicted([float("-inf")] * 3) == [0, 1, 2]
    assert predicted([0.0, float("nan")]) == []


def test_shares_have_wilson_intervals_and_what_guessing_reaches():
    labels = [0] * 6 + [1] * 4
    truth = Truth(about={}, samples=10, labels=labels)
    predictions = [predicted([1.0, 0, 0, 0, 0, 0.5])] * 9 + [[]]
    scores = classification.score(truth, predictions)
    assert scores["accuracy_top1"].value == 0.6
    assert scores["accuracy_top1"].ci95 == pytest.approx((0.313, 0.832), abs=2e-3)
    assert scores["accuracy_top1"].chance == 0.6
    assert scores["accuracy_top5"].value == 0.9
    assert classification.score(truth, [[0]] * 10)["accuracy_top5"].value is None


def test_stored_classes_and_stored_numbers_are_read(tmp_path):
    path = tmp_path / "p.json"
    path.write_text(json.dumps([1, [0.1, 0.9, 0.0]]))
    assert [p[0] for p in classification.stored([path], Truth(about={}, samples=2))] == [1, 1]


def test_labels_out_of_range_are_named_and_not_all_of_them():
    truth = Truth(about={"classes": ["a", "b"]}, samples=9, labels=[0, 1, 2, -1, 7, 8, 9, 0, 1])
    faults = list(classification.faults(truth))
    assert faults[0] == "labels[2] is 2, beyond the 2 classes"
    assert "negative" in faults[1]
    assert faults[-1].startswith("labels: 2 more")


def test_outputs_that_are_all_nan_are_not_said_to_have_few_classes():
    truth = Truth(about={}, samples=1, labels=[0])
    scores = classification.score(truth, [classification.predict([predicted_nan()], truth, 0)])
    assert scores["accuracy_top1"].value == 0
    assert scores["accuracy_top5"].reason == "no output was without NaN"


def predicted_nan() -> Output:
    return Output(name="y", shape=(1, 9), numbers=[float("nan")] * 9)


def test_a_label_that_no_output_stands_for_scores_nothing_and_says_why():
    ten = Output(name="y", shape=(10,), numbers=[0.0] * 10)
    truth = Truth(about={}, samples=2, labels=[9, 10])
    classification.predict([ten], truth, 0)
    with pytest.raises(TaskError, match="label 10 of sample 1 is none of the 10 classes that the model has"):
        classification.predict([ten], truth, 1)
    offset = Truth(about={"postprocess": {"class_offset": 1}}, samples=1, labels=[9])
    with pytest.raises(TaskError, match="none of the 9 classes"):
        classification.predict([ten], offset, 0)
