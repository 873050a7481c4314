"""Prometheus text, written by hand: a client library takes twenty times as long and keeps what is gone.

https://prometheus.io/docs/instrumenting/exposition_formats/
A series that was not measured is absent: neither zero nor NaN is ever made up.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
LABEL_CHARACTERS_MAX = 256
SERIES_MAX = 200_000
"""Of one scrape: what a Prometheus of ordinary size takes from one target."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One metric with its series; labels in the order they are written."""

    name: str
    help: str
    kind: str = "gauge"
    series: dict[tuple[tuple[str, str], ...], float] = field(default_factory=dict)

    def add(self, value: float | None, labels: Mapping[str, str] | None = None) -> None:
        """Adds a series unless its value is missing or not finite; the first of equal labels stays."""
        if value is not None and math.isfinite(value):
            self.series.setdefault(tuple((labels or {}).items()), value)


def render(families: Iterable[Family]) -> str:
    """The text of a scrape; families without series are left out."""
    lines: list[str] = []
    left = SERIES_MAX
    for family in families:
        if not family.series:
            continue
        lines.append(f"# HELP {family.name} {_help(family.help)}")
        lines.append(f"# TYPE {family.name} {family.kind}")
        for labels, value in list(family.series.items())[:left]:
            lines.append(f"{family.name}{_labels(labels)} {value!r}")
        left -= min(left, len(family.series))
    return "".join(line + "\n" for line in lines)


def _labels(labels: tuple[tuple[str, str], ...]) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{escaped(text)}"' for name, text in labels) + "}"


def escaped(text: str) -> str:
    """A label value; one lone surrogate would otherwise break the whole scrape."""
    clean = text[:LABEL_CHARACTERS_MAX].encode("utf-8", "replace").decode("utf-8")
    return clean.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def _help(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n")
