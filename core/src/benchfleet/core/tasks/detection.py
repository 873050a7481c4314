"""Object detection: COCO's mean average precision, computed by pycocotools and by nothing else.

https://cocodataset.org/#detection-eval. The data set holds `annotations.json` in COCO's format: images,
annotations with `bbox` [x, y, width, height] in pixels and `iscrowd`, categories. Sample i is image i of its list.

    "task": "detection",
    "postprocess": {"boxes": "boxes", "scores": "scores", "classes": "labels", "box_format": "xyxy",
                    "normalised": true, "score_threshold": 0.05, "class_offset": 1}

`boxes`, `scores`, `classes`, `count` name outputs (or index them); scores may be [N] with classes, or [N, C] with one
score a class (then `activation`: none, sigmoid, softmax; `background`: the index that is no class). One output with a
row a detection is declared by `columns`, as ["x1", "y1", "x2", "y2", "score", "class"]. `box_format`: xyxy, yxyx, xywh,
cxcywh. `normalised`: shares of the image; else pixels, of the image or of `input_size` [height, width] when that is
given. `class_offset` is the model's index of the first category; `classes_are`: index (categories sorted by id) or
category_id. Overlapping boxes are not suppressed here: export the model with its own suppression.
Stored predictions: a COCO results file, a list of {image_id, category_id, bbox, score}.
"""

from __future__ import annotations

import contextlib
import io
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchfleet.core.evidence import Score
from benchfleet.core.proportions import REPLICATES, percentile_interval, resamples
from benchfleet.core.task import (
    Output,
    Rule,
    TaskError,
    Truth,
    a_bool,
    an_output,
    chosen,
    list_of,
    number,
    one_of,
    read_json,
    whole,
)

EXTRA = "detection"
METRICS = ("map_50_95", "map_50")
POINTS = 100.0
NOTHING: Any = []
MEMBERS = ("annotations.json",)
COLUMNS = ("x1", "y1", "x2", "y2", "score", "class", "-")
KEYS: Mapping[str, Mapping[str, Rule]] = {
    "postprocess": {
        "boxes": an_output, "scores": an_output, "classes": an_output, "count": an_output, "output": an_output,
        "columns": list_of(one_of(*COLUMNS), "columns out of " + ", ".join(COLUMNS), 6, 64),
        "box_format": one_of("xyxy", "yxyx", "xywh", "cxcywh"), "normalised": a_bool,
        "input_size": list_of(whole(1, 100_000), "height and width", 2, 2), "score_threshold": number(),
        "class_offset": whole(0, 1000), "classes_are": one_of("index", "category_id"),
        "activation": one_of("none", "sigmoid", "softmax"), "background": whole(0, 100_000),
    },
    "scoring": {},
}  # fmt: skip
BOOTSTRAP_WORK_MAX = 400_000
"""Replicates times (image, category) pairs with a box: some seconds of a laptop, below a minute of a small board."""
SHOWN_MAX = 3


def faults(truth: Truth) -> Iterator[str]:
    """What pycocotools would stumble over, or silently ignore."""
    held = truth.members.get("annotations.json")
    if held is None:
        yield "detection needs annotations.json in COCO's format"
        return
    yield from list(_annotation_faults(held, truth.samples))[: 3 * SHOWN_MAX]
    post = truth.declared("postprocess")
    if post and not ({"columns", "boxes"} & set(post)):
        yield "postprocess: needs boxes (and scores), or columns, to find the detections in the outputs"
    if post and "box_format" not in post and "columns" not in post:
        yield "postprocess: needs box_format (xyxy, yxyx, xywh or cxcywh)"
    if post and "columns" in post and not set(COLUMNS[:6]) <= set(post["columns"]):
        yield f"postprocess.columns: needs each of {', '.join(COLUMNS[:6])}"


def _annotation_faults(held: Any, samples: int | None) -> Iterator[str]:
    keys = ("images", "annotations", "categories")
    if not isinstance(held, dict) or not all(isinstance(held.get(key), list) for key in keys):
        yield "annotations.json: needs the lists images, annotations and categories"
        return
    images, categories = _ids(held["images"]), _ids(held["categories"])
    for what, ids, entries in (("images", images, held["images"]), ("categories", categories, held["categories"])):
        if len(ids) != len(entries):
            yield f"annotations.json: {what} need whole ids, each once"
    if samples is not None and len(held["images"]) != samples:
        yield f"annotations.json: {len(held['images'])} images for {samples} samples; sample i is image i"
    if len(_ids(held["annotations"])) != len(held["annotations"]):
        yield "annotations.json: annotations need whole ids, each once"
    for i, each in enumerate(held["annotations"]):
        why = _one_fault(each, images, categories)
        if why:
            yield f"annotations.json: annotation {i} {why}"


def _one_fault(each: Any, images: set[int], categories: set[int]) -> str | None:
    if not isinstance(each, dict):
        return "is no object"
    if each.get("image_id") not in images:
        return f"is of image {each.get('image_id')!r}, which is not in images"
    if each.get("category_id") not in categories:
        return f"is of category {each.get('category_id')!r}, which is not in categories"
    box = each.get("bbox")
    if not isinstance(box, list) or not _is_box(box) or box[2] < 0 or box[3] < 0:
        return "needs a bbox [x, y, width, height] of finite numbers, sizes not negative"
    if number(0)(each.get("area")):
        return "needs its area (a number that is not negative)"
    return None if each.get("iscrowd", 0) in (0, 1) else "has an iscrowd that is neither 0 nor 1"


def _ids(entries: list[Any]) -> set[int]:
    ids = [e.get("id") for e in entries if isinstance(e, dict)]
    return {i for i in ids if isinstance(i, int) and not isinstance(i, bool)}


def _is_box(box: Any) -> bool:
    return isinstance(box, list) and len(box) == 4 and not any(number()(v) for v in box)


def predict(outputs: Sequence[Output], truth: Truth, index: int) -> list[dict[str, Any]]:
    """The detections of one image as COCO results."""
    post = truth.declared("postprocess")
    held = truth.members["annotations.json"]
    image = held["images"][index]
    categories = sorted(_ids(held["categories"]))
    place = _placing(post, image)
    found = []
    for box, score, kind in _rows(outputs, post):
        if not math.isfinite(score) or score < post.get("score_threshold", -math.inf):
            continue
        if not all(map(math.isfinite, box)):
            continue
        kind -= post.get("class_offset", 0)
        if post.get("classes_are", "index") == "index":
            if not 0 <= kind < len(categories):
                continue
            kind = categories[kind]
        found.append({"image_id": image["id"], "category_id": kind, "bbox": place(box), "score": score})
    return found


def _rows(outputs: Sequence[Output], post: Mapping[str, Any]) -> Iterator[tuple[list[float], float, int]]:
    """(box, score, class as the model counts) of every detection."""
    if "columns" in post:
        output = chosen(outputs, post.get("output"), 0, "the detections")
        columns = post["columns"]
        if not output.shape or output.shape[-1] != len(columns):
            raise TaskError(
                f"postprocess: {len(columns)} columns are declared, output {output.name} is {list(output.shape)}"
            )
        at = [columns.index(name) for name in COLUMNS[:6]]
        for i in range(0, len(output.numbers), len(columns)):
            x1, y1, x2, y2, score, kind = (output.numbers[i + k] for k in at)
            yield [x1, y1, x2, y2], score, round(kind)
        return
    boxes = chosen(outputs, post.get("boxes"), 0, "boxes").numbers
    scores = chosen(outputs, post.get("scores"), 1, "scores").numbers
    rows = len(boxes) // 4
    if "count" in post:
        rows = min(rows, int(chosen(outputs, post["count"], 3, "the count").numbers[0]))
    if "classes" in post:
        kinds = chosen(outputs, post["classes"], 2, "classes").numbers
        if len(scores) < rows or len(kinds) < rows:
            raise TaskError(f"postprocess: {rows} boxes, {len(scores)} scores and {len(kinds)} classes do not match")
        for i in range(rows):
            yield list(boxes[4 * i : 4 * i + 4]), scores[i], round(kinds[i])
        return
    if not boxes or len(scores) % (len(boxes) // 4):
        raise TaskError(f"postprocess: {len(scores)} scores are not one a class for each of {rows} boxes")
    width = len(scores) // (len(boxes) // 4)
    for i in range(rows):
        each = _activated(list(scores[i * width : (i + 1) * width]), post.get("activation", "none"))
        if "background" in post and post["background"] < width:
            each[post["background"]] = -math.inf
        kind = max(range(width), key=each.__getitem__)
        yield list(boxes[4 * i : 4 * i + 4]), each[kind], kind


def _activated(numbers: list[float], kind: str) -> list[float]:
    if kind == "none":
        return numbers
    if kind == "sigmoid":
        return [1 / (1 + math.exp(-min(max(v, -500.0), 500.0))) for v in numbers]
    top = max(numbers)
    powers = [math.exp(v - top) for v in numbers]
    total = math.fsum(powers)
    return [p / total for p in powers]


def _placing(post: Mapping[str, Any], image: Mapping[str, Any]) -> Any:
    """From a box of the model to COCO's [x, y, width, height] in pixels of the image."""
    kind = "xyxy" if "columns" in post else post.get("box_format", "xyxy")
    across = down = 1.0
    if post.get("normalised"):
        across, down = _size(image, "width"), _size(image, "height")
    elif "input_size" in post:
        high, wide = post["input_size"]
        across, down = _size(image, "width") / wide, _size(image, "height") / high

    def place(box: list[float]) -> list[float]:
        a, b, c, d = box
        if kind == "yxyx":
            a, b, c, d = b, a, d, c
        if kind in ("xyxy", "yxyx"):
            c, d = c - a, d - b
        elif kind == "cxcywh":
            a, b = a - c / 2, b - d / 2
        return [a * across, b * down, c * across, d * down]

    return place


def _size(image: Mapping[str, Any], key: str) -> float:
    found = image.get(key)
    if not isinstance(found, (int, float)) or found <= 0:
        raise TaskError(f"annotations.json: image {image.get('id')} needs its {key} to place boxes")
    return float(found)


def stored(paths: Sequence[Path], truth: Truth) -> list[Any]:
    """A COCO results file, by image."""
    (path,) = paths
    held = read_json(path)
    if not isinstance(held, list):
        raise TaskError(f"{path}: is no COCO results file, a list of {{image_id, category_id, bbox, score}}")
    place = {image["id"]: i for i, image in enumerate(truth.members["annotations.json"]["images"])}
    found: list[list[dict[str, Any]]] = [[] for _ in place]
    for i, each in enumerate(held):
        if not isinstance(each, dict) or not _is_box(each.get("bbox")) or number()(each.get("score")):
            raise TaskError(f"{path}: detection {i} needs a bbox of four finite numbers and a finite score")
        if each.get("image_id") not in place:
            raise TaskError(f"{path}: detection {i} is of image {each.get('image_id')!r}, which is not annotated")
        if whole(-(2**63), 2**63)(each.get("category_id")):
            raise TaskError(f"{path}: detection {i} needs a category_id that is a whole number")
        found[place[each["image_id"]]].append(each)
    return found


def bare(paths: Sequence[Path]) -> Truth:
    """A COCO annotations file."""
    (path,) = paths
    held = read_json(path)
    truth = Truth(about={}, samples=None, members={"annotations.json": held})
    for fault in faults(truth):
        raise TaskError(f"{path}: {fault.removeprefix('annotations.json: ')}")
    return truth


def score(truth: Truth, predictions: Sequence[Any]) -> dict[str, Score]:
    """AP over IoU 0.50 to 0.95 and at 0.50, all areas, 100 detections an image: stats[0] and stats[1] of COCOeval."""
    from importlib.metadata import version

    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    held = truth.members["annotations.json"]
    if len(predictions) < len(held["images"]):
        kept = {image["id"] for image in held["images"][: len(predictions)]}
        held = {
            **held,
            "images": held["images"][: len(predictions)],
            "annotations": [a for a in held["annotations"] if a["image_id"] in kept],
        }
    with contextlib.redirect_stdout(io.StringIO()):
        real = COCO()
        real.dataset = {**held, "annotations": [{"iscrowd": 0, **a} for a in held["annotations"]]}
        real.createIndex()
        found = [dict(each) for sample in predictions for each in sample]
        evaluation = COCOeval(real, real.loadRes(found) if found else _nothing(COCO, held), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
        replicates = _replicates(evaluation)
    n = len(held["images"])
    source = f"pycocotools {version('pycocotools')}"
    scores = {}
    for k, (name, what) in enumerate(zip(METRICS, ("0.50:0.95", "0.50"), strict=True)):
        value = float(evaluation.stats[k])
        if value < 0:
            scores[name] = Score(value=None, n=n, reason="no image that was scored has a box to be found")
            continue
        mine = tuple(each[k] for each in replicates)
        interval = percentile_interval(mine)
        how = "bootstrap over images" if interval else "no interval: too many images to resample on a device"
        scores[name] = Score(
            value=value, n=n, ci95=interval, method=f"AP at IoU {what}, all areas, 100 detections; {how}",
            source=source, replicates=mine,
        )  # fmt: skip
    return scores


def _nothing(coco: Any, held: Mapping[str, Any]) -> Any:
    """Results without a detection, which loadRes cannot read."""
    empty = coco()
    empty.dataset = {"images": held["images"], "categories": held["categories"], "annotations": []}
    empty.createIndex()
    return empty


def _replicates(evaluation: Any) -> list[tuple[float, float]]:
    """Both figures on resampled images, from the matches that are already made."""
    whole_set = evaluation.params
    images, areas, kinds = len(whole_set.imgIds), len(whole_set.areaRng), len(whole_set.catIds)
    by_kind = [evaluation.evalImgs[k * areas * images : k * areas * images + images] for k in range(kinds)]
    pairs = sum(each is not None for row in by_kind for each in row)
    if not images or pairs * REPLICATES > BOOTSTRAP_WORK_MAX:
        return []
    again = type(evaluation)(iouType="bbox")
    again.params.catIds, again.params.imgIds = whole_set.catIds, list(range(images))
    again.params.areaRng, again.params.maxDets = [whole_set.areaRng[0]], [whole_set.maxDets[-1]]
    again._paramsEval = again.params
    found = []
    for picks in resamples(images):
        again.evalImgs = [row[i] for row in by_kind for i in picks]
        again.accumulate()
        precision = again.eval["precision"]
        known = precision[precision > -1]
        if known.size:
            half = precision[0]
            found.append((float(known.mean()), float(half[half > -1].mean())))
    return found
