"""Classification: top-1 and top-5 over the labelled samples. No library: a label is found or it is not.

    "task": "classification",
    "postprocess": {"output": "logits", "class_offset": 1}

`output` is the name or index of the output with one number a class (default: the first); `class_offset` is the index of
class 0 in it, 1 for networks with a background class. The highest number wins, the lower index where two are equal.
Stored predictions: a JSON list with, per sample, a class or a list of one number a class; an .npy is not read.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchfleet.core.evidence import Score
from benchfleet.core.proportions import wilson
from benchfleet.core.task import Output, Rule, TaskError, Truth, an_output, chosen, read_json, whole

EXTRA = None
METRICS = ("accuracy_top1", "accuracy_top5")
POINTS = 100.0
NOTHING: Any = []
MEMBERS: tuple[str, ...] = ()
KEYS: Mapping[str, Mapping[str, Rule]] = {
    "postprocess": {"output": an_output, "class_offset": whole(0, 1000)},
    "scoring": {},
}
TOP = 5
SHOWN_MAX = 3


def faults(truth: Truth) -> Iterator[str]:
    """Labels below 0, or beyond the classes that are named."""
    if truth.labels is None:
        return  # unlabelled samples still show agreement
    classes = truth.about.get("classes")
    limit = len(classes) if isinstance(classes, list) and classes else None
    bad = [(i, v) for i, v in enumerate(truth.labels) if v < 0 or (limit is not None and v >= limit)]
    for i, label in bad[:SHOWN_MAX]:
        known = "negative" if label < 0 else f"beyond the {limit} classes"
        yield f"labels[{i}] is {label}, {known}"
    if len(bad) > SHOWN_MAX:
        yield f"labels: {len(bad) - SHOWN_MAX} more of them are out of range"


def predict(outputs: Sequence[Output], truth: Truth, index: int) -> list[int]:
    """The six best classes, best first; empty when a number is NaN, which predicts nothing."""
    post = truth.declared("postprocess")
    numbers = chosen(outputs, post.get("output"), 0, "the classes").numbers[post.get("class_offset", 0) :]
    if truth.labels is not None and truth.labels[index] >= len(numbers):
        raise TaskError(
            f"label {truth.labels[index]} of sample {index} is none of the {len(numbers)} classes that the model has: "
            "check labels, postprocess.output and class_offset"
        )
    return _best(numbers)


def _best(numbers: Sequence[float]) -> list[int]:
    if any(v != v for v in numbers):
        return []
    return heapq.nlargest(TOP + 1, range(len(numbers)), key=numbers.__getitem__)


def stored(paths: Sequence[Path], truth: Truth) -> list[Any]:
    """A JSON list: per sample a class, or one number a class."""
    (path,) = paths
    held = read_json(path)
    if not isinstance(held, list):
        raise TaskError(f"{path}: is no list with one prediction a sample")
    found: list[Any] = []
    for i, each in enumerate(held):
        if isinstance(each, int) and not isinstance(each, bool):
            found.append([each])
        elif isinstance(each, list) and each and all(isinstance(v, (int, float)) for v in each):
            found.append(_best(each))
        else:
            raise TaskError(f"{path}: prediction {i} is neither a class nor a list of one number a class")
    return found


def bare(paths: Sequence[Path]) -> Truth:
    """A JSON list of labels."""
    (path,) = paths
    held = read_json(path)
    if not isinstance(held, list) or not all(isinstance(v, int) and not isinstance(v, bool) for v in held):
        raise TaskError(f"{path}: is no list of labels, one whole number a sample")
    return Truth(about={}, samples=len(held), labels=held)


def score(truth: Truth, predictions: Sequence[Any]) -> dict[str, Score]:
    """Both shares with their Wilson intervals."""
    if truth.labels is None:
        why = Score(value=None, reason="the data set has no labels")
        return dict.fromkeys(METRICS, why)
    n = len(predictions)
    labels = truth.labels[:n]
    chance = max(Counter(labels).values()) / n if n else None
    first = [float(found[:1] == [label]) for found, label in zip(predictions, labels, strict=True)]
    five = [float(label in found[:TOP]) for found, label in zip(predictions, labels, strict=True)]
    scores = {"accuracy_top1": _share(first, "arg max equals label; Wilson interval", chance)}
    if any(len(found) > TOP for found in predictions):
        scores["accuracy_top5"] = _share(five, "label among the five largest; Wilson interval", None)
    else:
        few = "the outputs have no more than five classes to choose from"
        scores["accuracy_top5"] = Score(value=None, reason=few if any(predictions) else "no output was without NaN")
    return scores


def _share(hits: list[float], method: str, chance: float | None) -> Score:
    n = len(hits)
    if not n:
        return Score(value=None, reason="no sample was scored")
    total = round(sum(hits))
    return Score(
        value=total / n, n=n, ci95=wilson(total, n), method=method, source="data set", chance=chance,
        per_sample=tuple(hits),
    )  # fmt: skip
