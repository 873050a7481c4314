"""What `probe` shows to people: aligned, grouped by what is read, within 80 columns; what is missing says why."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from benchfleet.agent.sensors import UNITS, Reading, Sensor
from benchfleet.agent.totals import Total
from benchfleet.core.errors import one_line
from benchfleet.core.inventory import RuntimeFacts

WIDTH = 80
INDENT = 20
FACTS = ("hostname", "board", "os", "kernel", "arch", "cpu_model", "cpu_count", "memory_bytes", "python")
ID_WIDTH = 46
"""Of the column of ids; a longer one has a line of its own."""
VALUE_WIDTH = 16
ON_SHOWN = 3
"""Sensors that a finding names; --json has all."""
SCALES = {
    "clock_hz": (1e6, "MHz"),
    "memory_bytes": (2**20, "MiB"),
    "utilization_ratio": (0.01, "%"),
    "steal_ratio": (0.01, "%"),
    "pressure_ratio": (0.01, "%"),
}
"""Kinds that people read in another unit than programs do."""
UNIT_SUFFIX = re.compile(r"_(w|j|v|a|c|hz|s|bytes|rpm|ratio|mbit_s)$")
"""Of a kind, which its values show."""
QUIET = ("", "ok")


def lines(
    facts: dict[str, Any],
    runtimes: Sequence[RuntimeFacts],
    readings: Sequence[tuple[Sensor, Reading]],
    total: Total,
    absent: dict[str, str],
) -> Iterator[str]:
    """The whole table."""
    yield from _facts(facts)
    yield from _accelerators(facts["accelerators"])
    yield from _runtimes(runtimes, facts.get("reasons", {}).get("runtimes", ""))
    by_kind = sorted(readings, key=lambda each: list(UNITS).index(each[0].kind) if each[0].kind in UNITS else 99)
    for kind, members in groupby(by_kind, key=lambda each: each[0].kind):
        yield ""
        yield UNIT_SUFFIX.sub("", kind).replace("_", " ")
        for sensor, reading in members:
            yield from _reading(sensor, reading)
    yield ""
    yield from _total(total)
    for driver, why in absent.items():
        yield from _wrapped(f"driver {driver}", one_line(why), INDENT)


def value_text(kind: str, value: float | str) -> str:
    """A value with the unit that people read."""
    if isinstance(value, str):
        return one_line(value)
    scale, unit = SCALES.get(kind, (1.0, UNITS.get(kind, "")))
    shown = value / scale
    number = f"{shown:.0f}" if abs(shown) >= 1000 else f"{shown:.4g}"
    return f"{number} {unit}".rstrip() if unit != "1" else number


def finding_lines(level: str, check: str, on: Sequence[str], why: str, fix: str) -> Iterator[str]:
    """One finding of the doctor; a command stands on lines of its own, unbroken, to be copied."""
    more = f" and {len(on) - ON_SHOWN} more" if len(on) > ON_SHOWN else ""
    about = f"{check}: {', '.join(on[:ON_SHOWN])}{more}" if on else check
    yield from _wrapped(level, one_line(about), 10)
    yield from _wrapped("", one_line(why), 10)
    yield f"          > {one_line(fix)}"
    yield ""


def _facts(facts: dict[str, Any]) -> Iterator[str]:
    why = facts.get("reasons", {})
    listed = {name: facts[name] for name in FACTS} | facts["facts"]
    for name, value in listed.items():
        if value is None:
            shown = f"-  ({why.get(name, 'not known')})"
        elif name == "memory_bytes":
            shown = f"{value / 2**30:.1f} GiB"
        else:
            shown = one_line(str(value))
        yield from _wrapped(name.removesuffix("_bytes").replace("_", " "), shown, INDENT)
    modes = ", ".join(f"{mode['mechanism']}:{mode['name']}" for mode in facts["power_modes"])
    if modes:
        yield from _wrapped("power modes", modes, INDENT)


def _accelerators(listed: Sequence[dict[str, Any]]) -> Iterator[str]:
    if listed:
        yield ""
        yield "accelerators"
    for found in listed:
        known = (f"{name} {found[name]}" for name in ("driver", "library", "firmware") if found[name])
        shown = ", ".join([found["name"], found["kind"], found["state"], *known])
        yield from _wrapped(f"  {found['bus']}", one_line(shown), INDENT)
        if found["detail"]:
            yield from _wrapped("", one_line(found["detail"]), INDENT)


def _runtimes(runtimes: Sequence[RuntimeFacts], why: str) -> Iterator[str]:
    yield ""
    yield "runtimes" if runtimes else f"runtimes  -  ({why})"
    for runtime in runtimes:
        shown = f"{runtime.version}  {', '.join(runtime.providers)}" if runtime.available else f"no: {runtime.reason}"
        yield from _wrapped(f"  {runtime.name}", one_line(shown), INDENT)


def _reading(sensor: Sensor, reading: Reading) -> Iterator[str]:
    flags = [word for word, on in (("estimated", sensor.estimated), ("simulated", sensor.simulated)) if on]
    shown = "-" if reading.value is None else value_text(sensor.kind, reading.value)
    name = f"  {sensor.id}"
    if len(name) > ID_WIDTH:
        yield name
        name = ""
    yield f"{name:<{ID_WIDTH}}{shown:>{VALUE_WIDTH}}  {' '.join([sensor.scope, *flags])}"
    if reading.quality not in QUIET:
        yield from _wrapped("", f"{reading.quality}: {one_line(reading.detail)}", 6)


def _total(total: Total) -> Iterator[str]:
    if total.sensor is None or total.value is None:
        yield from _wrapped("total power", f"-  ({total.reason})", INDENT)
        return
    of = total.sensor.formula or total.sensor.id
    shown = f"{value_text('power_w', total.value)} of the {total.sensor.scope} ({of})"
    yield from _wrapped("total power", f"{shown}{f'; {total.reason}' if total.reason else ''}", INDENT)


def _wrapped(head: str, text: str, indent: int) -> list[str]:
    """`text` behind a head, broken between words; lines that follow are indented."""
    first = f"{head:<{indent}}" if len(head) < indent else f"{head}  "
    return textwrap.wrap(text, WIDTH, initial_indent=first, subsequent_indent=" " * indent, break_on_hyphens=False)
