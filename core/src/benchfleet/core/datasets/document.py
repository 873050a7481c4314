"""dataset.json: what a data set declares of itself, of what it stores and of what the model wants. Strict.

    {"schema": 1, "name": "photos", "task": "classification", "classes": ["cat", "dog"],
     "stored": {"layout": "NHWC", "channels": "RGB", "dtype": "uint8", "range": [0, 255]},
     "wants": {"resize": [256, 256], "crop": [224, 224], "channels": "BGR", "scale": 0.00392156862745098,
               "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225], "layout": "NCHW", "range": [-2.2, 2.7]},
     "postprocess": {...}, "scoring": {...},
     "reference_outputs": {"logits": "expected"}, "tolerance": {"max_abs_diff": 0.01, "min_cosine": 0.999}}

Steps are made in this order: resize, crop, channels, scale (multiplied), mean and std (per channel), layout.
`layout` at the top is that of what is stored, as the first data sets wrote it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from benchfleet.core import task as tasks
from benchfleet.core.errors import NotFoundError
from benchfleet.core.task import Rule, list_of, number, one_of, text, whole

SCHEMA = 1
LAYOUTS = ("NCHW", "NHWC")
CHANNELS = ("RGB", "BGR", "gray")
_SIZES = list_of(whole(1, 100_000), "height and width", 2, 2)


def _range(value: Any) -> str | None:
    why = list_of(number(), "two numbers", 2, 2)(value)
    return why or (None if value[0] < value[1] else f"starts at {value[0]} and ends at {value[1]}")


def _per_channel(low: float) -> Rule:
    def rule(value: Any) -> str | None:
        if isinstance(value, list):
            return list_of(number(low), "numbers, one a channel", 1, 4096)(value)
        return number(low)(value)

    return rule


SMALLEST_STD = 1e-12
STORED: Mapping[str, Rule] = {
    "layout": one_of(*LAYOUTS), "channels": one_of(*CHANNELS), "range": _range, "dtype": text,
}  # fmt: skip
WANTS: Mapping[str, Rule] = {
    "layout": one_of(*LAYOUTS), "channels": one_of(*CHANNELS), "resize": _SIZES, "crop": _SIZES,
    "resize_method": one_of("bilinear", "nearest"), "scale": number(), "mean": _per_channel(float("-inf")),
    "std": _per_channel(SMALLEST_STD), "range": _range,
}  # fmt: skip
TOLERANCE: Mapping[str, Rule] = {"max_abs_diff": number(0), "min_cosine": number(-1, 1)}
_TEXTS = ("name", "license", "source", "description", "task")
KEYS = (
    "schema", *_TEXTS, "classes", "layout", "stored", "wants", "postprocess", "scoring", "reference_outputs",
    "tolerance",
)  # fmt: skip


def faults(about: Any) -> Iterator[str]:
    """What is wrong with the document, a line each."""
    if not isinstance(about, dict) or about.get("schema") != SCHEMA or not isinstance(about.get("task"), str):
        yield f'dataset.json needs "schema": {SCHEMA} and a "task" ({", ".join(tasks.names())})'
        return
    yield from unknown(about, KEYS, "dataset.json")
    for key in _TEXTS:
        if key in about and text(about[key]):
            yield f"dataset.json: {key} {text(about[key])}"
    if "classes" in about and (why := list_of(text, "names")(about["classes"])):
        yield f"dataset.json: classes {why}"
    if "layout" in about and about["layout"] is not None and (why := one_of(*LAYOUTS)(about["layout"])):
        yield f"dataset.json: layout {why}"
    sections = (("stored", STORED), ("wants", WANTS), ("tolerance", TOLERANCE))
    wrong = [fault for section, rules in sections for fault in section_faults(about, section, rules)]
    yield from wrong or _contradictions(about)
    named = about.get("reference_outputs", {})
    if not isinstance(named, dict) or not all(isinstance(v, str) for v in named.values()):
        yield "dataset.json: reference_outputs names, for each output, the array that it should equal"
    try:
        task = tasks.load(about["task"])
    except NotFoundError:
        near = get_close_matches(about["task"], tasks.names(), 1)
        hint = f"; did you mean {near[0]}?" if near else ""
        yield f"dataset.json: task {about['task'][:40]!r} is not one of {', '.join(tasks.names())}{hint}"
        return
    for section, rules in task.KEYS.items():
        yield from section_faults(about, section, rules)


def section_faults(about: Mapping[str, Any], section: str, rules: Mapping[str, Rule]) -> Iterator[str]:
    """Unknown keys and bad values of one section."""
    held = about.get(section)
    if held is None:
        return
    if not isinstance(held, dict):
        yield f"dataset.json: {section} is no object"
        return
    yield from unknown(held, tuple(rules), f"dataset.json: {section}")
    for key, rule in rules.items():
        if key in held and (why := rule(held[key])):
            yield f"dataset.json: {section}.{key} {why}"


def unknown(held: Mapping[str, Any], known: tuple[str, ...], where: str) -> Iterator[str]:
    """A line for each key that is not known, with the nearest that is."""
    for key in held:
        if key not in known:
            near = get_close_matches(key, known, 1)
            hint = f"; did you mean {near[0]}?" if near else f"; it has {', '.join(known) or 'none'}"
            yield f"{where}: unknown key {key[:60]!r}{hint}"


def _contradictions(about: Mapping[str, Any]) -> Iterator[str]:
    stored: Mapping[str, Any] = about["stored"] if isinstance(about.get("stored"), dict) else {}
    wants: Mapping[str, Any] = about["wants"] if isinstance(about.get("wants"), dict) else {}
    top = about.get("layout")
    if top and stored.get("layout", top) != top:
        yield f"dataset.json: layout is {top}, stored.layout {stored['layout']}; name one"
    pictures = {"resize", "crop", "layout", "channels"} & set(wants)
    if pictures and not (top or stored.get("layout")):
        yield f"dataset.json: wants.{sorted(pictures)[0]} needs stored.layout (NCHW or NHWC)"
    if "channels" in wants and "channels" not in stored:
        yield "dataset.json: wants.channels needs stored.channels, from which to reorder"
    elif (
        "channels" in wants
        and ("gray" in (wants["channels"], stored["channels"]))
        and (wants["channels"] != stored["channels"])
    ):
        yield "dataset.json: channels are reordered, not made: gray and colour do not become each other"
