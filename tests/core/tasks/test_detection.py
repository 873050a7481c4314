"""What is said of detections is what pycocotools says, to the last bit, and boxes are placed as they are declared."""

from __future__ import annotations

import contextlib
import copy
import io
import json
import random

import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from benchfleet.core.task import Output, TaskError, Truth
from benchfleet.core.tasks import detection


def scene(seed, images=12, categories=(1, 3, 7)):
    """Annotations with crowds, an image without any, and detections near and far; ids with gaps."""
    source = random.Random(seed)
    held = {
        "images": [{"id": 5 * i + 2, "width": 100, "height": 80} for i in range(images)],
        "categories": [{"id": c, "name": str(c)} for c in categories],
        "annotations": [],
    }
    found = []
    for image in held["images"][:-1]:
        for _ in range(source.randint(1, 6)):
            box = [source.uniform(0, 60), source.uniform(0, 40), source.uniform(3, 40), source.uniform(3, 40)]
            kind = source.choice(categories)
            held["annotations"].append(
                {"id": len(held["annotations"]) + 1, "image_id": image["id"], "category_id": kind, "bbox": box,
                 "area": box[2] * box[3], "iscrowd": int(source.random() < 0.2)}
            )  # fmt: skip
            near = [v + source.gauss(0, 2) for v in box[:2]] + box[2:]
            for _ in range(source.randint(0, 2)):
                found.append({"image_id": image["id"], "category_id": kind, "bbox": near, "score": source.random()})
    found.append({"image_id": held["images"][-1]["id"], "category_id": 3, "bbox": [1, 1, 9, 9], "score": 0.9})
    source.shuffle(found)
    return held, found


def oracle(held, found):
    with contextlib.redirect_stdout(io.StringIO()):
        real = COCO()
        real.dataset = copy.deepcopy(held)
        real.createIndex()
        evaluation = COCOeval(real, real.loadRes(copy.deepcopy(found)), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return float(evaluation.stats[0]), float(evaluation.stats[1])


def scored(tmp_path, held, found):
    (tmp_path / "gt.json").write_text(json.dumps(held))
    (tmp_path / "dt.json").write_text(json.dumps(found))
    truth = detection.bare([tmp_path / "gt.json"])
    return detection.score(truth, detection.stored([tmp_path / "dt.json"], truth))


@pytest.mark.parametrize("seed", range(4))
def test_stored_detections_score_what_pycocotools_says(tmp_path, seed):
    held, found = scene(seed)
    scores = scored(tmp_path, held, found)
    assert (scores["map_50_95"].value, scores["map_50"].value) == oracle(held, found)
    low, high = scores["map_50"].ci95
    assert low < scores["map_50"].value < high
    assert scored(tmp_path, held, found)["map_50"].replicates == scores["map_50"].replicates


def test_crowds_are_neither_found_nor_missed(tmp_path):
    held, found = scene(1)
    for annotation in held["annotations"]:
        annotation["iscrowd"] = 0
    assert scored(tmp_path, held, found)["map_50"].value != oracle(*scene(1))[1]


def test_no_detection_at_all_is_zero_and_nothing_to_find_is_no_score(tmp_path):
    held, found = scene(2)
    assert scored(tmp_path, held, [])["map_50_95"].value == 0.0
    empty = scored(tmp_path, {**held, "annotations": []}, found)["map_50_95"]
    assert empty.value is None
    assert "box to be found" in empty.reason


def test_only_the_samples_that_were_seen_count(tmp_path):
    held, found = scene(3)
    kept = {image["id"] for image in held["images"][:5]}
    part = {**held, "images": held["images"][:5]}
    part["annotations"] = [a for a in held["annotations"] if a["image_id"] in kept]
    (tmp_path / "gt.json").write_text(json.dumps(held))
    truth = detection.bare([tmp_path / "gt.json"])
    by_image = [[d for d in found if d["image_id"] == image["id"]] for image in held["images"]]
    scores = detection.score(truth, by_image[:5])
    assert scores["map_50_95"].value == oracle(part, [d for d in found if d["image_id"] in kept])[0]
    assert scores["map_50_95"].n == 5


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"score": float("nan")}, "finite score"),
        ({"bbox": [1, 2, 3]}, "bbox"),
        ({"bbox": [1, 2, 3, float("inf")]}, "bbox"),
        ({"image_id": 999}, "not annotated"),
        ({"category_id": "cat"}, "category_id"),
    ],
)
def test_a_stored_detection_that_is_none_names_its_place(tmp_path, change, says):
    held, found = scene(0)
    found[3].update(change)
    with pytest.raises(TaskError, match="detection 3") as caught:
        scored(tmp_path, held, found)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"image_id": 999}, "image 999"),
        ({"category_id": 999}, "category 999"),
        ({"bbox": [0, 0, -1, 1]}, "bbox"),
        ({"area": None}, "area"),
        ({"iscrowd": 2}, "iscrowd"),
        ({"id": 1}, "each once"),
    ],
)
def test_an_annotation_that_is_none_names_its_place(change, says):
    held, _ = scene(0)
    held["annotations"][4].update(change)
    faults = list(detection.faults(Truth(about={}, samples=12, members={"annotations.json": held})))
    assert len(faults) == 1
    assert says in faults[0]


TRUTH = {
    "images": [{"id": 9, "width": 200, "height": 100}],
    "categories": [{"id": 4, "name": "a"}, {"id": 8, "name": "b"}],
    "annotations": [],
}


def predicted(post, *outputs):
    truth = Truth(about={"postprocess": post}, samples=1, members={"annotations.json": TRUTH})
    made = [Output(name=n, shape=s, numbers=v) for n, s, v in outputs]
    return detection.predict(made, truth, 0)


SCORES, KINDS = ("s", (1,), [0.5]), ("c", (1,), [1.0])
NAMES = {"boxes": "b", "scores": "s", "classes": "c"}


@pytest.mark.parametrize(
    ("post", "box"),
    [
        ({"box_format": "xyxy"}, [20, 10, 60, 50]),
        ({"box_format": "xywh"}, [20, 10, 40, 40]),
        ({"box_format": "yxyx"}, [10, 20, 50, 60]),
        ({"box_format": "cxcywh"}, [40, 30, 40, 40]),
        ({"box_format": "xyxy", "normalised": True}, [0.1, 0.1, 0.3, 0.5]),
        ({"box_format": "xyxy", "input_size": [50, 50]}, [5, 5, 15, 25]),
    ],
)
def test_a_box_is_placed_in_pixels_of_the_image_as_declared(post, box):
    (found,) = predicted({**NAMES, **post}, ("b", (1, 4), [float(v) for v in box]), SCORES, KINDS)
    assert found["bbox"] == pytest.approx([20, 10, 40, 40])
    assert (found["image_id"], found["category_id"], found["score"]) == (9, 8, 0.5)


def test_rows_scores_by_class_offsets_counts_and_thresholds():
    box = ("b", (1, 4), [0.0, 0.0, 1.0, 1.0])
    assert predicted({**NAMES, "box_format": "xyxy", "class_offset": 1}, box, SCORES, KINDS)[0]["category_id"] == 4
    assert predicted({**NAMES, "box_format": "xyxy", "class_offset": 2}, box, SCORES, KINDS) == []  # background
    assert predicted({**NAMES, "box_format": "xyxy", "score_threshold": 0.6}, box, SCORES, KINDS) == []
    own = {**NAMES, "box_format": "xyxy", "classes_are": "category_id"}
    assert predicted(own, box, SCORES, ("c", (1,), [8.0]))[0]["category_id"] == 8
    counted = {**NAMES, "box_format": "xyxy", "count": "n"}
    assert predicted(counted, box, SCORES, KINDS, ("n", (1,), [0.0])) == []
    logits = {"boxes": 0, "scores": 1, "box_format": "xyxy", "activation": "softmax", "background": 2}
    (found,) = predicted(logits, box, ("s", (1, 3), [1.0, 2.0, 9.0]))
    assert found["category_id"] == 8
    assert found["score"] < 0.001
    rows = {"columns": ["-", "x1", "y1", "x2", "y2", "class", "score"]}
    (found,) = predicted(rows, ("d", (1, 7), [0.0, 20.0, 10.0, 60.0, 50.0, 1.0, 0.25]))
    assert (found["bbox"], found["category_id"], found["score"]) == ([20, 10, 40, 40], 8, 0.25)
    with pytest.raises(TaskError, match="7 columns"):
        predicted(rows, ("d", (1, 6), [0.0] * 6))
