"""Label selectors in the form of Kubernetes: `board in (pi5, orin), lab=berlin, !broken, role!=spare`.

Facts count as labels: name, hostname, board, arch, os, soc, module, and accelerator/FAMILY with the state of the best
of that family (`accelerator/edge_tpu`, `accelerator/nvidia=ready`). A comma means and.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from benchfleet.controller.catalog import Device
from benchfleet.core.errors import DocumentError

Labels = Mapping[str, str]
Test = Callable[[Labels], bool]

_KEY = r"[A-Za-z0-9][A-Za-z0-9._/-]*"
_VALUE = r"[A-Za-z0-9._/-]*"
_SET = re.compile(rf"({_KEY})\s+(in|notin)\s+\(([^()]*)\)")
_EQUAL = re.compile(rf"({_KEY})\s*(==|=|!=)\s*({_VALUE})")
_EXISTS = re.compile(rf"(!?)\s*({_KEY})")


def parse_selector(text: str) -> Test:
    """A test of labels; DocumentError for text that is no selector. The empty selector takes every device."""
    tests = [_term(part.strip(), text) for part in _split(text)]
    return lambda labels: all(test(labels) for test in tests)


def labels_of(device: Device) -> dict[str, str]:
    """Labels and facts of a device under one roof; facts win."""
    facts = device.inventory
    named = {name: facts.facts[name] for name in ("soc", "module") if name in facts.facts}
    states = sorted(facts.accelerators, key=lambda each: each.state == "ready")  # the last one counts
    return {
        **device.labels,
        **named,
        **{f"accelerator/{each.family}": each.state.replace(" ", "-") for each in states},
        "name": device.name,
        "hostname": facts.hostname,
        "board": facts.board,
        "arch": facts.arch,
        "os": facts.os,
    }


def select_devices(selector: str, devices: Sequence[Device]) -> list[Device]:
    """The devices it takes; DocumentError when there are none, saying what there is."""
    test = parse_selector(selector)
    chosen = [device for device in devices if test(labels_of(device))]
    if not chosen:
        names = ", ".join(d.name for d in devices[:20]) or "none yet; join one with `benchfleet token create`"
        pairs = sorted({f"{k}={v}" for d in devices for k, v in d.labels.items()})[:20]
        raise DocumentError(
            f"devices.selector {selector!r} matches no device; devices: {names}; labels: {', '.join(pairs) or 'none'}"
        )
    return chosen


def _split(text: str) -> list[str]:
    parts, depth, start = [], 0, 0
    for i, c in enumerate(text):
        depth += (c == "(") - (c == ")")
        if c == "," and depth == 0:
            parts.append(text[start:i])
            start = i + 1
    parts.append(text[start:])
    return [part for part in parts if part.strip()]


def _term(term: str, whole: str) -> Test:
    if found := _SET.fullmatch(term):
        key, how, listed = found.groups()
        values = {value.strip() for value in listed.split(",")}
        if how == "in":
            return lambda labels: labels.get(key) in values
        return lambda labels: labels.get(key) not in values
    if found := _EQUAL.fullmatch(term):
        key, how, value = found.groups()
        if how == "!=":
            return lambda labels: labels.get(key) != value
        return lambda labels: labels.get(key) == value
    if found := _EXISTS.fullmatch(term):
        absent, key = found.groups()
        return lambda labels: (key in labels) != bool(absent)
    raise DocumentError(f"selector {whole!r}: {term!r} is none of k=v, k!=v, k in (a, b), k notin (a, b), k, !k")
